#include "object/object_inner.h"

#include "base/log.h"
#include "link/worker_page.h"
#include "object/alarm_event.h"
#include "object/call.h"
#include "object/history.h"
#include "object/inbox.h"
#include "object/object.h"
#include "object/objects.h"
#include "object/outbox.h"
#include "object/socket.h"
#include "object/task.h"
#include "object/transaction.h"
#include "object/wish.h"

void od_object_fail_event(struct od_object *object, struct od_event *event,
                          const struct od_failure *why)
{
    OD_ASSERT(event->kind != OD_EVENT_RESUME);
    struct od_call *call = event->call == 0 ? NULL : od_call_find(object->objects, event->call);
    if (call != NULL)
        od_call_fail_with(call, 500, why);
    // Nobody would set it anew: it is counted as a failed try.
    if (event->kind == OD_EVENT_ALARM)
        od_alarm_event_lost(object, event);
    if (event->socket != NULL)
        od_socket_event_done(event->socket, event->kind, event->size);
    od_event_free(event);
}

void od_object_fail_first_event(struct od_object *object)
{
    struct od_failure failure;
    bool is_whole = od_failure_read(od_bytes_slice(&object->work->failure), &failure);
    OD_ASSERT(is_whole);
    if (!od_list_is_empty(&object->work->inbox))
        od_object_fail_event(object, od_inbox_take(object), &failure);
}

static void end_tasks(struct od_object *object, const struct od_failure *why)
{
    while (!od_list_is_empty(&object->work->tasks)) {
        struct od_task *task = OD_LIST_MEMBER(object->work->tasks.next, struct od_task, link);
        struct od_event *event = task->event;
        // Kept from the task, which would free it: its caller is told when nothing runs any more.
        task->event = NULL;
        OD_ASSERT(object->running == NULL);
        od_task_free(task);
        if (event != NULL)
            od_object_fail_event(object, event, why);
    }
}

void od_object_cut_sockets(struct od_object *object)
{
    OD_ASSERT(!od_object_is_entry(object) || object->socket_count == 0);
    od_inbox_forget_sockets(object);
    while (!od_list_is_empty(&object->sockets))
        od_socket_cut(OD_LIST_MEMBER(object->sockets.next, struct od_socket, link));
}

static void cut_sockets_of_aborted(struct od_object *object)
{
    od_inbox_forget_sockets(object);
    // Those that take the place of others are behind them.
    for (size_t left = object->socket_count; left > 0; left--) {
        struct od_socket *socket = OD_LIST_MEMBER(object->sockets.next, struct od_socket, link);
        od_wish_renew_stored(socket);
        od_socket_cut(socket);
    }
}

OD_SELDOM void od_object_perform_reset(struct od_object *object)
{
    OD_ASSERT(object->is_reset);
    OD_ASSERT(object->running == NULL);
    struct od_failure why;
    bool is_whole = od_failure_read(od_bytes_slice(&object->work->reset_why), &why);
    OD_ASSERT(is_whole);
    why.flags = OD_FAILURE_REMOTE | OD_FAILURE_RESET;
    object->is_reset = false;
    od_meters_count(&object->objects->page->meters, OD_METER_resets, 1);
    if (!od_object_is_entry(object))
        od_storage_discard(&object->storage);
    // Before the tasks end: what they sent rests on writes that are gone now.
    od_outbox_drop(object, &why);
    od_transactions_abandon(object, NULL);
    end_tasks(object, &why);
    OD_ASSERT(object->work->section == NULL);
    OD_ASSERT(object->work->alarm == NULL);
    if (object->is_aborted)
        cut_sockets_of_aborted(object);
    object->is_aborted = false;
    if (object->state == OD_AWAKE)
        od_object_sleep(object);
    else if (object->state == OD_WAKING) {
        od_object_drop_instance(object);
        od_bytes_clear(&object->work->failure);
        od_failure_put(&object->work->failure, &why);
        od_object_fail_first_event(object);
    }
    object->drops_alarm = false;
    if (!od_object_is_entry(object) && od_places_may_run(object))
        od_wish_recall(object);
    if (!od_object_is_entry(object))
        od_storage_seal(&object->storage); // What became of its alarm.
    od_bytes_deinit(&object->work->reset_why);
    od_object_settle(object);
}

void od_object_reset(struct od_object *object, od_slice why)
{
    od_object_reset_for(object, &(struct od_failure){.message = why});
}

void od_object_reset_for(struct od_object *object, const struct od_failure *why)
{
    od_object_check(object);
    od_log(OD_LOG_WARN, object->label, "reset: %.*s", (int)why->message.size, why->message.at);
    od_bytes_clear(&od_object_work(object)->reset_why);
    od_failure_put(&object->work->reset_why, why);
    object->is_reset = true;
    if (object->running == NULL)
        od_object_perform_reset(object);
}

void od_object_lose_writes(struct od_object *object, od_slice why)
{
    OD_ASSERT(!object->has_lost_writes);
    OD_ASSERT(!od_object_is_entry(object)); // It writes nothing.
    od_object_history_error(object, (od_slice){NULL, 0}, why);
    object->has_lost_writes = true;
    od_object_reset(object, why);
    object->has_lost_writes = false;
}

void od_object_abort(struct od_object *object, od_slice why, bool retry_alarm)
{
    od_object_check(object);
    object->drops_alarm = !retry_alarm;
    object->is_aborted = true;
    od_object_reset(object, why);
}
