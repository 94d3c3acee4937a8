// One stretch of Lua, and what is done around it.

#include <signal.h>

#include "base/fault.h"
#include "link/worker_page.h"
#include "net/net.h"
#include "object/alarm_event.h"
#include "object/branch.h"
#include "object/object.h"
#include "object/object_inner.h"
#include "object/objects.h"
#include "object/outbox.h"
#include "object/section.h"
#include "object/socket.h"
#include "object/task.h"
#include "object/timeout.h"

OD_SELDOM static void finish_constructor(struct od_task *task)
{
    OD_ASSERT(task->event == NULL);
    struct od_object *object = task->object;
    bool has_failed = task->has_failed;
    od_task_free(task);
    if (!has_failed) {
        od_object_constructed(object);
        return;
    }
    // There was no such instance, so nobody may hear from it.
    od_outbox_drop_tentative(object);
    od_object_drop_instance(object);
    od_object_fail_first_event(object);
    od_storage_seal(&object->storage); // What became of its alarm.
}

static void finish_handler(struct od_task *task)
{
    OD_ASSERT(task->event != NULL);
    struct od_object *object = task->object;
    struct od_event *event = task->event;
    OD_ASSERT(event->call == 0 || task->is_answered);
    // Noted before the task goes, which owns the event.
    struct od_socket *socket = event->socket;
    enum od_event_kind kind = event->kind;
    size_t size = event->size;
    uint64_t timer = event->timer;
    if (task->trunk != NULL)
        od_branch_end(task);
    od_task_free(task);
    if (socket != NULL)
        od_socket_event_done(socket, kind, size);
    if (kind == OD_EVENT_TIMER)
        od_timeout_end(object, timer);
}

// A constructor that fails takes back what it wrote.
static void end_stretch(struct od_object *object, const struct od_task *task)
{
    if (od_object_is_entry(object))
        return;
    if (task->event == NULL && task->has_failed)
        od_storage_discard(&object->storage);
    else
        od_storage_seal(&object->storage);
}

OD_SELDOM static void wait(struct od_task *task)
{
    task->event = od_event_keep(task->event);
    od_task_limit(task);
}

// A stretch of Lua is over: what it wrote becomes a batch, and what ended is put away.
static void after(struct od_object *object, struct od_task *task, enum od_run run)
{
    OD_ASSERT(object->running == task);
    // While it still counts as running, so that a reset it leads to waits for the end of this.
    if (run == OD_RUN_DONE && object->work->section != NULL)
        od_section_check_left(task);
    od_check_running(NULL, NULL);
    od_worker_page_end(object->objects->page);
    od_net_end_event(object->objects->net);
    object->running = NULL;
    // What the event has put behind the decision to reset goes with the rest, written or not.
    if (object->is_reset) {
        od_object_perform_reset(object);
        return;
    }
    if (run == OD_RUN_DONE)
        od_task_over(task);
    end_stretch(object, task);
    if (run == OD_RUN_WAITING) {
        wait(task);
        return;
    }
    if (task->event == NULL)
        finish_constructor(task);
    else
        finish_handler(task);
    if (object->work->failure.at != NULL)
        od_bytes_deinit(&object->work->failure);
}

// For a panic, and on the page. Messages come in crowds: what the page says of the one before is
// true of this one, too, or at least the name is.
static void show(const struct od_object *object, const struct od_task *task)
{
    struct od_objects *objects = object->objects;
    const uint8_t *id = od_object_is_entry(object) ? NULL : object->identity.id;
    bool is_message = task->event != NULL && task->event->kind == OD_EVENT_MESSAGE;
    bool is_named = is_message && objects->shown != NULL;
    const char *name = is_named ? objects->page->event.name : od_task_name(task);
    od_check_running(object->label, name);
    if (is_named && objects->shown == object)
        od_worker_page_begin_again(objects->page);
    else
        od_worker_page_begin(objects->page, id, object->label, is_named ? NULL : name);
    objects->shown = is_message ? object : NULL;
}

static void before(struct od_object *object, struct od_task *task)
{
    OD_ASSERT(object->running == NULL);
    OD_ASSERT(task->object == object);
    object->running = task;
    show(object, task);
    od_net_begin_event(object->objects->net);
    if (OD_FAULT("event.crash"))
        raise(SIGSEGV);
}

inline void od_object_run_stretch(struct od_object *object, struct od_task *task,
                                  const struct od_event *resume)
{
    struct od_script *script = task->script;
    enum od_run run;
    before(object, task);
    if (resume != NULL)
        run = script->resume(script, task, resume);
    else
        run = script->run(script, task);
    after(object, task, run);
}
