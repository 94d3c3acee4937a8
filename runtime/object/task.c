#include "object/task.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/log_field.h"
#include "codec/http_answer.h"
#include "link/response.h"
#include "link/worker_page.h"
#include "object/alarm_event.h"
#include "object/branch.h"
#include "object/call.h"
#include "object/client_end.h"
#include "object/history.h"
#include "object/objects.h"
#include "object/outbox.h"
#include "object/outgoing.h"
#include "object/section.h"
#include "object/sink.h"
#include "object/socket.h"
#include "object/stream.h"
#include "object/trace.h"
#include "object/transaction.h"

struct od_task *od_task_find(struct od_objects *objects, uint64_t id)
{
    return od_slab_find(&objects->tasks, id);
}

const char *od_task_name(const struct od_task *task)
{
    while (task->trunk != NULL)
        task = task->trunk;
    const struct od_event *event = task->event;
    if (event == NULL)
        return OD_PAGE_CONSTRUCTOR_NAME;
    bool is_of_events = event->socket != NULL && event->socket->is_events;
    return is_of_events ? OD_PAGE_EVENTS_CLOSE_NAME : od_event_name(event);
}

void od_task_check(const struct od_task *task)
{
    OD_ASSERT(task->id != 0);
    OD_ASSERT(task->script->uses > 0);
    OD_ASSERT((task->trunk != NULL) == !od_list_is_empty(&task->branch));
    OD_ASSERT(od_list_is_empty(&task->syncing) || task->sync_seq > 0);
    OD_ASSERT(task->event == NULL || task->event->kind != OD_EVENT_RESUME);
    OD_ASSERT(task->event == NULL || task->event->socket == NULL || !task->is_after_event);
}

// The engine has begun to wait for one thing, in the stretch that runs.
static void check_waits(const struct od_task *task)
{
    od_task_check(task);
    OD_ASSERT(task->object->running == task);
    OD_ASSERT(task->waiting_call == 0);
    OD_ASSERT(od_list_is_empty(&task->syncing));
    OD_ASSERT(!od_timer_is_set(&task->timer));
}

void od_task_put_fields(struct od_bytes *fields, const struct od_task *task)
{
    if (task == NULL)
        return;
    while (task->trunk != NULL)
        task = task->trunk;
    const char *name = od_task_name(task);
    bool is_call = task->event != NULL && task->event->kind == OD_EVENT_CALL;
    od_log_field_text(fields, "event", od_slice_of(is_call ? "call" : name));
    if (is_call)
        od_log_field_text(fields, "method", od_slice_of(name));
    od_log_field_number(fields, "version", task->script->version);
}

void od_task_resume(struct od_task *task)
{
    struct od_event *event = od_event_new(OD_EVENT_RESUME, (od_slice){NULL, 0});
    event->ok = true;
    event->task = task->id;
    od_object_receive(task->object, event);
}

static void slept(struct od_timer *timer)
{
    od_task_resume(OD_TIMER_MEMBER(timer, struct od_task, timer));
}

// Unless it is in a section, which has its own limit and a reason not to be left half done.
static void give_up(struct od_task *task)
{
    OD_ASSERT(task->object->running != task);
    struct od_object *object = task->object;
    if (od_section_is_inside(task)) {
        od_timers_set(object->objects->timers, &task->deadline,
                      od_clock_monotonic_ms() + OD_SECTION_MS_MAX);
        return;
    }
    od_log(OD_LOG_WARN, object->label,
           "waitUntil() tasks did not complete within the allowed time after invocation end and "
           "have been cancelled: %d ms",
           OD_WAIT_UNTIL_MS_MAX);
    od_task_free(task);
    od_object_settle(object);
}

static od_slice too_long(const struct od_task *task)
{
    if (task->event == NULL)
        return OD_SLICE("The constructor waited for too long and was canceled.");
    if (task->event->kind == OD_EVENT_ALARM)
        return OD_SLICE("Alarm exceeded its allowed execution time");
    return OD_SLICE("Actor exceeded event execution time and was disconnected.");
}

static void end_too_long(const struct od_task *task)
{
    od_object_history_error(task->object, (od_slice){NULL, 0}, too_long(task));
    od_object_reset(task->object, too_long(task));
}

static void took_too_long(struct od_timer *timer)
{
    struct od_task *task = OD_TIMER_MEMBER(timer, struct od_task, deadline);
    if (task->is_after_event)
        give_up(task);
    else
        end_too_long(task);
}

static od_time_ms limit_of(const struct od_task *task)
{
    if (task->is_after_event)
        return OD_WAIT_UNTIL_MS_MAX;
    if (task->event == NULL)
        return OD_CONSTRUCT_MS_MAX;
    if (task->event->kind == OD_EVENT_ALARM)
        return OD_ALARM_MS_MAX;
    return task->event->socket == NULL ? 0 : task->object->event_timeout_ms;
}

void od_task_limit(struct od_task *task)
{
    od_task_check(task);
    task->is_bound = true;
    od_time_ms limit_ms = limit_of(task);
    od_section_wait(task);
    if (limit_ms > 0 && !od_timer_is_set(&task->deadline))
        od_timers_set(task->object->objects->timers, &task->deadline,
                      od_clock_monotonic_ms() + limit_ms);
}

void od_task_over(struct od_task *task)
{
    if (task->event != NULL && task->event == task->object->work->alarm)
        od_alarm_event_end(task->object, task->event, task->has_failed);
}

// The next message of the socket need not wait for what is left.
static void end_event(struct od_task *task)
{
    OD_ASSERT(task->is_after_event);
    struct od_socket *socket = task->event->socket;
    task->event->socket = NULL;
    if (socket != NULL)
        od_socket_event_done(socket, task->event->kind, task->event->size);
}

void od_task_returned(struct od_task *task)
{
    od_task_check(task);
    if (task->is_after_event)
        return;
    od_task_over(task);
    task->is_after_event = true;
    od_timers_clear(task->object->objects->timers, &task->deadline);
    if (task->event == NULL)
        od_object_constructed(task->object);
    else
        end_event(task);
}

OD_SELDOM static void init_block(struct od_task *task)
{
    struct od_list *const lists[] = {&task->link,   &task->syncing,   &task->accepted,
                                     &task->sinks,  &task->streaming, &task->client_ends,
                                     &task->branch, &task->branches};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        od_list_init(lists[i]);
    task->timer.fire = slept;
    task->deadline.fire = took_too_long;
}

inline struct od_task *od_task_new(struct od_object *object, struct od_event *event)
{
    OD_ASSERT(event == NULL || event->kind != OD_EVENT_RESUME);
    OD_ASSERT(event != NULL || object->state == OD_WAKING);
    uint64_t id;
    struct od_task *task = od_slab_take(&object->objects->tasks, &id);
    if (task->timer.fire == NULL) // No task was here before.
        init_block(task);
    OD_ASSERT(od_list_is_empty(&task->link));
    memset(&task->id, 0, sizeof *task - offsetof(struct od_task, id));
    task->id = id;
    task->object = object;
    task->script = object->script != NULL ? object->script : object->objects->script;
    OD_ASSERT(task->script != NULL);
    task->script->uses++;
    task->event = event;
    task->began_ms = od_clock_monotonic_ms_at(object->objects->now_us);
    OD_ASSERT(object->work->object == object);
    od_list_push_back(&object->work->tasks, &task->link);
    return task;
}

static void discard_accepted(struct od_task *task)
{
    struct od_list *link;
    while ((link = od_list_pop_front(&task->accepted)) != NULL)
        od_socket_discard(OD_LIST_MEMBER(link, struct od_socket_birth, accepted)->socket);
}

// A body whose function does not return is not whole.
static void leave_stream(struct od_task *task)
{
    struct od_stream *stream =
        task->stream == 0 ? NULL : od_stream_find(task->object->objects, task->stream);
    od_stream_forget_waiting(task);
    if (stream != NULL)
        od_stream_break(stream);
}

static bool is_counted(const struct od_task *task)
{
    return task->event == NULL ||
           (task->event->kind != OD_EVENT_BRANCH && task->event->kind != OD_EVENT_LEFT);
}

static void count_end(const struct od_task *task)
{
    static const enum od_meter_event meters[] = {
        [OD_EVENT_FETCH] = OD_METER_EVENT_fetch,     [OD_EVENT_CALL] = OD_METER_EVENT_call,
        [OD_EVENT_COMMAND] = OD_METER_EVENT_command, [OD_EVENT_MESSAGE] = OD_METER_EVENT_message,
        [OD_EVENT_CLOSE] = OD_METER_EVENT_close,     [OD_EVENT_ERROR] = OD_METER_EVENT_error,
        [OD_EVENT_OPEN] = OD_METER_EVENT_open,       [OD_EVENT_UNREACHED] = OD_METER_EVENT_error,
        [OD_EVENT_ALARM] = OD_METER_EVENT_alarm,     [OD_EVENT_TIMER] = OD_METER_EVENT_timer,
    };
    if (is_counted(task))
        od_meters_event(&task->object->objects->page->meters,
                        task->event == NULL ? OD_METER_EVENT_constructor
                                            : meters[task->event->kind],
                        task->has_failed);
}

OD_SELDOM static void unbind(struct od_task *task)
{
    struct od_objects *objects = task->object->objects;
    struct od_call *call =
        task->waiting_call == 0 ? NULL : od_call_find(objects, task->waiting_call);
    // The other object need not go on for somebody who is not there.
    if (call != NULL)
        od_call_cancel(call);
    od_branches_give_up(task);
    od_list_remove(&task->branch);
    discard_accepted(task);
    od_transactions_abandon(task->object, task);
    od_client_ends_lose(task);
    od_sinks_lose(task);
    leave_stream(task);
    od_timers_clear(objects->timers, &task->timer);
    od_timers_clear(objects->timers, &task->deadline);
    od_list_remove(&task->syncing);
}

OD_SELDOM static void leave_section(struct od_task *task)
{
    od_transactions_abandon(task->object, task);
    od_section_end(task);
}

inline void od_task_free(struct od_task *task)
{
    OD_ASSERT(task->object->running != task);
    struct od_objects *objects = task->object->objects;
    count_end(task);
    if (objects->trace_count > 0)
        od_trace_task_over(task->object, task);
    OD_ASSERT(task->is_bound || !od_timer_is_set(&task->deadline));
    OD_ASSERT(task->is_bound || od_list_is_empty(&task->accepted));
    if (task->is_bound)
        unbind(task);
    if (task->object->work->section != NULL)
        leave_section(task);
    task->script->forget(task->script, task);
    OD_ASSERT(task->script->uses > 0);
    task->script->uses--;
    od_list_remove(&task->link);
    od_event_free(task->event);
    od_slab_give(&objects->tasks, task);
}

// From now on the socket waits for its connection, not for the handler that accepted it.
static void release_socket(struct od_task *task, const struct od_response *response)
{
    struct od_objects *objects = task->object->objects;
    od_client_end_forget(task, response->worker, response->socket);
    if (response->worker != objects->worker)
        return;
    struct od_socket *socket = od_socket_find(objects, response->socket);
    if (socket != NULL && socket->birth != NULL)
        od_list_remove(&socket->birth->accepted);
}

static void release_stream(const struct od_task *task, const struct od_response *response)
{
    struct od_stream *stream = od_stream_find(task->object->objects, response->stream);
    if (stream != NULL && stream->task == task)
        stream->is_counted = od_http_length_of(response->headers, &stream->left_bytes);
}

static void release(struct od_task *task, od_slice bytes)
{
    struct od_response response;
    if (od_response_is_alone(bytes) || !od_response_read(bytes, &response))
        return;
    if (response.socket != 0)
        release_socket(task, &response);
    if (response.stream != 0)
        release_stream(task, &response);
}

void od_task_answer(struct od_task *task, od_slice answer)
{
    od_task_check(task);
    OD_ASSERT(task->event != NULL);
    OD_ASSERT(!task->is_answered);
    task->is_answered = true;
    bool is_fetch = task->event->kind == OD_EVENT_FETCH;
    if (is_fetch)
        release(task, answer);
    od_outbox_put(task->object,
                  (struct od_effect){.kind = is_fetch ? OD_EFFECT_RESPONSE : OD_EFFECT_ANSWER,
                                     .number = task->event->call,
                                     .bytes = answer});
}

static void tell_left(struct od_task *task)
{
    struct od_event *event = od_event_new(OD_EVENT_LEFT, (od_slice){NULL, 0});
    event->task = task->id;
    task->heeds_asker = false;
    od_object_receive(task->object, event);
}

void od_task_asker_left(struct od_task *task)
{
    struct od_call *asked =
        task->waiting_call == 0 ? NULL : od_call_find(task->object->objects, task->waiting_call);
    task->asker_has_left = true;
    if (asked != NULL)
        od_call_asker_left(asked);
    if (task->heeds_asker)
        tell_left(task);
}

void od_task_heed_asker(struct od_task *task)
{
    const struct od_call *call = od_call_find(task->object->objects, task->event->call);
    task->heeds_asker = true;
    task->asker_has_left |= call != NULL && call->asker_has_left;
    if (task->asker_has_left)
        tell_left(task);
}

static void answer_with_failure(struct od_task *task, const struct od_failure *failure)
{
    OD_ASSERT(!task->is_answered);
    OD_ASSERT(task->event->call != 0);
    struct od_bytes record = {0};
    task->is_answered = true;
    od_failure_put(&record, failure);
    od_outbox_put(task->object, (struct od_effect){.kind = OD_EFFECT_FAILURE,
                                                   .number = task->event->call,
                                                   .bytes = od_bytes_slice(&record)});
    od_bytes_deinit(&record);
}

void od_task_fail_with(struct od_task *task, const struct od_failure *failure)
{
    od_task_check(task);
    task->has_failed = true;
    if (task->event == NULL) {
        od_bytes_clear(&task->object->work->failure);
        od_failure_put(&task->object->work->failure, failure);
    } else if (task->event->call != 0 && !task->is_answered) {
        answer_with_failure(task, failure);
    }
}

void od_task_fail(struct od_task *task, od_slice why)
{
    od_task_fail_with(task, &(struct od_failure){.flags = OD_FAILURE_REMOTE, .message = why});
}

void od_task_wait_sleep(struct od_task *task, od_time_ms ms)
{
    OD_ASSERT(ms >= 0);
    check_waits(task);
    od_timers_set(task->object->objects->timers, &task->timer,
                  od_clock_monotonic_ms() + ms + (ms > 0)); // Never early: this one has begun.
}

bool od_task_wait_sync(struct od_task *task)
{
    check_waits(task);
    struct od_object *object = task->object;
    if (od_object_is_entry(object))
        return false;
    // What this stretch wrote counts, too, so it ends here.
    od_storage_seal(&object->storage);
    task->sync_seq = od_storage_sync_seq(&object->storage);
    if (task->sync_seq <= object->objects->durable)
        return false;
    od_list_push_back(&object->work->syncing, &task->syncing);
    if (od_list_is_empty(&object->work->gated))
        od_list_push_back(&object->objects->gated, &object->work->gated);
    return true;
}

void od_task_synced(struct od_task *task)
{
    OD_ASSERT(task->sync_seq <= task->object->objects->durable);
    od_list_remove(&task->syncing);
    od_task_resume(task);
}

void od_task_wait_call(struct od_task *task, od_slice bytes)
{
    check_waits(task);
    struct od_objects *objects = task->object->objects;
    struct od_call *call = od_call_new(objects, OD_FROM_TASK, objects->worker, task->id);
    task->waiting_call = call->id;
    od_outbox_put(task->object,
                  (struct od_effect){.kind = OD_EFFECT_CALL, .number = call->id, .bytes = bytes});
}

void od_task_wait_fetch(struct od_task *task, const struct od_outgoing_way *way, od_slice request)
{
    check_waits(task);
    struct od_objects *objects = task->object->objects;
    struct od_call *call = od_call_new(objects, OD_FROM_TASK, objects->worker, task->id);
    char what[512];
    od_fetch_describe(request, what, sizeof what);
    call->whom = od_text_copy(od_slice_of(what));
    task->waiting_call = call->id;
    struct od_bytes body = {0};
    od_outgoing_put(&body, way, request);
    od_outbox_put(task->object, (struct od_effect){.kind = OD_EFFECT_FETCH,
                                                   .number = call->id,
                                                   .bytes = od_bytes_slice(&body)});
    od_bytes_deinit(&body);
}
