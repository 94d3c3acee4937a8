#include "object/object.h"

#include "base/log.h"
#include "link/commands.h"
#include "link/worker_page.h"
#include "net/net.h"
#include "object/alarm_event.h"
#include "object/branch.h"
#include "object/call.h"
#include "object/history.h"
#include "object/inbox.h"
#include "object/inspector.h"
#include "object/loading.h"
#include "object/object_inner.h"
#include "object/objects.h"
#include "object/outbox.h"
#include "object/pipe.h"
#include "object/rewind.h"
#include "object/section.h"
#include "object/socket.h"
#include "object/task.h"
#include "object/timeout.h"
#include "object/trace.h"

static void settle(struct od_object *object, int64_t now_us);

static const char *const state_names[] = {"asleep", "waking", "awake", "gone"};

static const bool may_move[][4] = {
    // to:        ASLEEP WAKING AWAKE  GONE
    [OD_ASLEEP] = {false, true, false, true},
    [OD_WAKING] = {true, false, true, false},
    [OD_AWAKE] = {true, false, false, false},
    [OD_GONE] = {false, false, false, false},
};

static void move_to(struct od_object *object, enum od_object_state state)
{
    OD_ASSERT(object->state < OD_GONE);
    OD_ASSERT(state <= OD_GONE);
    OD_ASSERT(may_move[object->state][state]);
    object->state = state;
    if (state == OD_WAKING)
        od_objects_watch_awake(object);
    else if (state == OD_ASLEEP)
        od_objects_forget_awake(object);
}

const char *od_object_state_name(enum od_object_state state)
{
    OD_ASSERT(state <= OD_GONE);
    return state_names[state];
}

bool od_object_is_entry(const struct od_object *object)
{
    return object->namespace == NULL;
}

// --- Inbox -------------------------------------------------------------------------------------

static bool is_outdated(const struct od_object *object)
{
    return object->script != NULL &&
           (object->script != object->objects->script || object->is_retired);
}

// A version that has made an instance has a class for it.
static bool is_served(const struct od_object *object)
{
    bool is_instance_of_current =
        object->script != NULL && object->script == object->objects->script;
    return is_instance_of_current || od_object_is_entry(object) ||
           od_objects_serve(object->objects, object->namespace);
}

static bool may_begin(const struct od_object *object)
{
    return object->state != OD_WAKING && object->work->section == NULL && !is_outdated(object) &&
           (is_served(object) || object->objects->is_draining);
}

// Nobody asks for it, but the instance before it had timers.
static bool must_wake(const struct od_object *object)
{
    const struct od_objects *objects = object->objects;
    return object->must_wake && is_served(object) && !objects->is_draining && !objects->is_leaving;
}

static bool may_begin_next(const struct od_object *object)
{
    return !od_list_is_empty(&object->work->inbox) && may_begin(object);
}

static __attribute__((noinline)) bool may_do_its_work(const struct od_object *object)
{
    if (object->refusal != NULL || object->rewind != NULL || !od_places_may_run(object) ||
        !od_loading_is_done(object))
        return false;
    if (!od_list_is_empty(&object->work->resumes))
        return true;
    return may_begin_next(object) || (must_wake(object) && may_begin(object));
}

static inline bool has_work(const struct od_object *object)
{
    bool is_asked = !od_list_is_empty(&object->work->inbox) || object->must_wake;
    return (is_asked || !od_list_is_empty(&object->work->resumes)) && may_do_its_work(object);
}

void od_object_receive(struct od_object *object, struct od_event *event)
{
    od_object_work(object);
    if (event->kind == OD_EVENT_RESUME) {
        if (!od_section_hold(object->work->section, event))
            od_list_push_back(&object->work->resumes, &event->link);
    } else {
        od_inbox_put(object, event);
    }
    od_object_settle(object);
}

// --- Tasks -------------------------------------------------------------------------------------

// The instance, or what a constructor has made of it, is gone; its script may be too, from now on.
void od_object_drop_instance(struct od_object *object)
{
    OD_ASSERT(object->script != NULL);
    OD_ASSERT(object->script->uses > 0);
    OD_ASSERT(od_list_is_empty(&object->work->tasks)); // The engine has forgotten them.
    OD_ASSERT(object->running == NULL);
    struct od_script *script = object->script;
    od_timeouts_clear(object);
    od_pipes_end(object);
    if (!od_object_is_entry(object))
        od_storage_rest(&object->storage);
    script->drop(script, object);
    script->uses--;
    object->script = NULL;
    object->is_retired = false;
    move_to(object, OD_ASLEEP);
}

// The call that waits for what comes of [event]; NULL: nobody waits, or not any more.
static struct od_call *call_of(const struct od_object *object, const struct od_event *event)
{
    return event->call == 0 ? NULL : od_call_find(object->objects, event->call);
}

void od_object_constructed(struct od_object *object)
{
    if (object->state == OD_WAKING) {
        move_to(object, OD_AWAKE);
        od_outbox_release(object);
    }
}

static void construct(struct od_object *object)
{
    struct od_script *script = object->objects->script;
    od_log(OD_LOG_DEBUG, object->label, "wakes with version %u", script->version);
    move_to(object, OD_WAKING);
    object->must_wake = false;
    object->script = script;
    script->uses++;
    if (!script->make(script, object)) { // There is nothing to run.
        od_meters_event(&object->objects->page->meters, OD_METER_EVENT_constructor, false);
        od_object_constructed(object);
        return;
    }
    OD_ASSERT(od_list_is_empty(&object->work->tasks));
    struct od_task *task = od_task_new(object, NULL);
    od_trace_began(object, task);
    od_object_run_stretch(object, task, NULL);
}

static void note_begin(struct od_object *object, const struct od_task *task)
{
    struct od_objects *objects = object->objects;
    od_object_history_begin(object, task->event);
    if (objects->trace_count > 0)
        od_trace_began(object, task);
    od_meters_time(&objects->page->meters.queue, objects->event_began_us - task->event->came_us);
}

OD_SELDOM static void begin_call(const struct od_object *object, const struct od_event *event)
{
    struct od_call *call = call_of(object, event);
    if (call != NULL)
        od_call_begun(call);
}

static void run(struct od_object *object, struct od_event *event)
{
    OD_ASSERT(object->state == OD_AWAKE);
    OD_ASSERT(event->socket == NULL || !event->socket->is_busy);
    if (event->kind == OD_EVENT_ALARM && !od_alarm_event_begin(object, event)) {
        od_event_free(event);
        return;
    }
    struct od_task *task = od_task_new(object, event);
    if (event->kind != OD_EVENT_BRANCH)
        note_begin(object, task);
    if (event->call != 0)
        begin_call(object, event);
    if (event->socket != NULL)
        event->socket->is_busy = true;
    od_object_run_stretch(object, task, NULL);
}

static void resume(struct od_object *object, struct od_event *event)
{
    OD_ASSERT(event->kind == OD_EVENT_RESUME);
    struct od_task *task = od_task_find(object->objects, event->task);
    if (task != NULL) {
        OD_ASSERT(task->object == object);
        od_trace_goes_on(object, od_branch_root(task));
        od_object_run_stretch(object, task, event);
    }
    od_event_free(event);
}

const struct od_failure od_object_server_stops = {
    .flags = OD_FAILURE_RETRYABLE, .message = {"the server stops", sizeof "the server stops" - 1}};

static bool is_look_next(const struct od_object *object)
{
    if (od_list_is_empty(&object->work->inbox))
        return false;
    const struct od_event *next = OD_LIST_MEMBER(object->work->inbox.next, struct od_event, link);
    return next->kind == OD_EVENT_COMMAND && od_command_is_look(od_event_bytes(next));
}

static void look(struct od_object *object, struct od_event *event)
{
    OD_ASSERT(object->running == NULL);
    if (call_of(object, event) != NULL)
        object->objects->inspector->look(object, event->call, od_event_bytes(event));
    od_event_free(event);
}

// What has begun goes on first. But a task that wakes as often as the object has its share would
// keep all others out for ever: then one of them has its turn.
static bool is_resume_next(const struct od_object *object)
{
    bool is_inbox_next = object->is_inbox_next && may_begin_next(object);
    return !od_list_is_empty(&object->work->resumes) && !is_inbox_next;
}

static void handle_next(struct od_object *object)
{
    if (is_resume_next(object)) {
        struct od_list *link = od_list_pop_front(&object->work->resumes);
        resume(object, OD_LIST_MEMBER(link, struct od_event, link));
        return;
    }
    object->is_inbox_next = false;
    if (is_look_next(object)) {
        look(object, od_inbox_take(object));
        return;
    }
    // Only while the worker drains; else such events wait for a class (may_begin).
    if (!is_served(object)) {
        od_object_fail_event(object, od_inbox_take(object), &od_object_server_stops);
        return;
    }
    if (object->state == OD_ASLEEP) {
        if (!od_rewind_begin(object))
            construct(object);
        return;
    }
    struct od_event *event = od_inbox_take(object);
    if (event->socket != NULL && event->socket->is_busy)
        od_list_push_back(&event->socket->waiting, &event->link);
    else
        run(object, event);
}

// [event], or what is next.
static void handle(struct od_object *object, struct od_event *event)
{
    struct od_objects *objects = object->objects;
    int64_t began_us = objects->event_began_us = objects->now_us;
    if (event != NULL)
        run(object, event);
    else
        handle_next(object);
    objects->now_us = od_clock_passed_us();
    int64_t took_us = objects->now_us - began_us;
    od_meters_time(&objects->page->meters.run, took_us);
    od_object_history_ran(object, took_us);
    od_share_use(&object->work->share, took_us);
}

// It has sent to many sockets, and the net is behind: others go first.
static inline bool is_ahead(struct od_object *object)
{
    object->is_ahead = object->is_ahead && od_net_is_behind(object->objects->net);
    return object->is_ahead;
}

void od_object_deliver(struct od_object *object)
{
    OD_ASSERT(object->running == NULL);
    od_share_begin(&object->work->share, object->objects->turn);
    while (od_share_is_left(&object->work->share) && has_work(object) && !is_ahead(object))
        handle(object, NULL);
    object->is_inbox_next = may_begin_next(object);
    od_object_check(object);
    settle(object, object->objects->now_us);
    od_object_rest(object);
}

// Reading is nobody's time.
static void note_reading(struct od_objects *objects)
{
    if (objects->seen_reads != objects->net->reads)
        objects->now_us = od_clock_passed_us();
    objects->seen_reads = objects->net->reads;
}

void od_object_receive_read(struct od_object *object, struct od_event *event)
{
    struct od_objects *objects = object->objects;
    od_object_settle_last(objects); // It may be one that waits.
    if (!objects->handles_at_once || !od_list_is_empty(&objects->ready)) {
        od_object_receive(object, event);
        return;
    }
    od_object_work(object);
    od_inbox_put(object, event);
    note_reading(objects);
    objects->handles_at_once = false; // What comes of it waits for its turn.
    od_object_deliver(object);
    objects->handles_at_once = objects->now_us < objects->turn_ends_us;
}

// It is the next in any case: nothing of the object waits, nor any other object. One that is awake,
// and not outdated, has a class.
static bool may_handle_at_once(const struct od_object *object, const struct od_event *event)
{
    return object->objects->handles_at_once && od_list_is_empty(&object->objects->ready) &&
           object->state == OD_AWAKE && object->inbox_count == 0 &&
           od_list_is_empty(&object->work->resumes) && !event->socket->is_busy &&
           object->refusal == NULL && object->work->section == NULL && !is_outdated(object) &&
           od_places_may_run(object);
}

bool od_object_handle_at_once(struct od_object *object, struct od_event *event)
{
    struct od_objects *objects = object->objects;
    OD_ASSERT(event->is_borrowed);
    if (objects->unsettled != object)
        od_object_settle_last(objects); // It may be one that waits.
    if (!may_handle_at_once(object, event) || is_ahead(object))
        return false;
    od_share_begin(&object->work->share, objects->turn);
    if (!od_share_is_left(&object->work->share))
        return false;
    note_reading(objects);
    objects->handles_at_once = false; // What comes of it waits for its turn.
    handle(object, event);
    objects->handles_at_once = objects->now_us < objects->turn_ends_us;
    objects->unsettled = object;
    return true;
}

void od_object_settle_last(struct od_objects *objects)
{
    struct od_object *object = objects->unsettled;
    objects->unsettled = NULL;
    if (object != NULL)
        settle(object, objects->now_us);
}

// It, or a branch of it.
static bool runs(const struct od_object *object, const struct od_task *task)
{
    return object->running != NULL && od_branch_root(object->running) == task;
}

void od_object_cancel(struct od_object *object, uint64_t call)
{
    od_object_check(object);
    if (od_inbox_cancel(object, call))
        return;
    OD_LIST_EACH_SAFE (link, &object->work->tasks) {
        struct od_task *task = OD_LIST_MEMBER(link, struct od_task, link);
        if (task->event == NULL || task->event->call != call || runs(object, task))
            continue;
        if (!od_section_is_inside(task)) // What a section protects is not to be left half done.
            od_task_free(task);
        break;
    }
    od_object_settle(object);
}

// --- Sleep, reset, end ---------------------------------------------------------------------------

// Events that wait for a class are a reason to stay, too: whoever sent them will not do so again.
static bool is_busy(const struct od_object *object)
{
    return object->inbox_count > 0 || object->refusal != NULL || object->rewind != NULL ||
           !od_list_is_empty(&object->work->tasks) || object->timeout_count > 0 ||
           !od_list_is_empty(&object->work->outbox) || object->running != NULL;
}

OD_SELDOM static void drop_outdated(struct od_object *object)
{
    if (!od_list_is_empty(&object->work->tasks) || object->running != NULL)
        return;
    // Its successor has to set the timers again, and perhaps nobody else comes to wake it.
    object->must_wake = object->must_wake || object->timeout_count > 0;
    od_object_sleep(object);
}

// It becomes the last of the idle ones, if it is not among those of this very millisecond.
static void settle_idle(struct od_object *object, int64_t now_us)
{
    struct od_work *work = od_object_work(object);
    od_time_ms now_ms = od_clock_monotonic_ms_at(now_us);
    if (!od_list_is_empty(&work->idle) && work->idle_since_ms == now_ms)
        return;
    od_list_remove(&work->idle);
    work->idle_since_ms = now_ms;
    od_objects_watch_idle(object);
}

// [now_us]: by od_clock_passed_us; 0: not known.
static void settle(struct od_object *object, int64_t now_us)
{
    struct od_objects *objects = object->objects;
    if (is_outdated(object))
        drop_outdated(object);
    if (object->pipe_count > 0)
        od_pipes_settle(object);
    if (object->inbox_count > 0 || object->must_wake)
        od_loading_ask(object);
    bool works = has_work(object);
    if (works && od_list_is_empty(&object->work->ready))
        od_list_push_back(&objects->ready, &od_object_work(object)->ready);
    if (!od_list_is_empty(&object->work->gated) && od_list_is_empty(&object->work->outbox) &&
        od_list_is_empty(&object->work->syncing))
        od_list_remove(&object->work->gated);
    bool is_asleep_with_sockets = object->state == OD_ASLEEP && object->socket_count > 0;
    bool is_idle =
        !works && !is_busy(object) && !is_asleep_with_sockets && !od_object_is_entry(object);
    if (is_idle)
        settle_idle(object, now_us != 0 ? now_us : od_clock_passed_us());
    else
        od_list_remove(&object->work->idle);
}

void od_object_settle(struct od_object *object)
{
    settle(object, 0);
}

void od_object_sleep(struct od_object *object)
{
    od_object_check(object);
    OD_ASSERT(od_list_is_empty(&object->work->tasks));
    if (object->state == OD_AWAKE)
        od_object_drop_instance(object);
}

void od_object_retire(struct od_object *object)
{
    od_object_check(object);
    object->is_retired = object->script != NULL;
    od_object_settle(object);
}

void od_object_renew(struct od_object *object)
{
    od_object_check(object);
    if (!is_served(object))
        od_inbox_refuse(object);
    od_object_settle(object);
    od_object_rest(object);
}

void od_object_end_outdated(struct od_object *object, const struct od_script *script)
{
    od_object_check(object);
    if (object->script != script)
        return;
    object->must_wake = object->timeout_count > 0;
    od_object_reset(object, OD_SLICE("Durable Object reset because its code was updated."));
}
