#include "object/trace.h"

#include <stdio.h>
#include <stdlib.h>

struct od_trace *od_trace_of(const struct od_object *object)
{
    const struct od_history_odds *odds = object->history.odds;
    return odds == NULL ? NULL : odds->trace;
}

bool od_trace_is_on(const struct od_object *object)
{
    return od_trace_of(object) != NULL;
}

// --- Beginning and end ---------------------------------------------------------------------------

bool od_trace_watch(struct od_object *object, struct od_error *err)
{
    struct od_objects *objects = object->objects;
    struct od_history_odds *odds = od_object_history_odds(object);
    if (odds->trace == NULL) {
        if (objects->trace_count == OD_TRACES_MAX)
            return od_error_set(err, "%d objects are watched already", OD_TRACES_MAX);
        odds->trace = od_allocate_zeroed(sizeof *odds->trace);
        odds->trace->object = object;
        od_list_init(&odds->trace->link);
        od_list_push_back(&objects->traces, &odds->trace->link);
        objects->trace_count++;
    }
    odds->trace->asked_ms = od_clock_monotonic_ms();
    OD_ASSERT(odds->trace->object == object);
    OD_ASSERT(objects->trace_count <= OD_TRACES_MAX);
    return true;
}

void od_trace_end(struct od_object *object)
{
    struct od_trace *trace = od_trace_of(object);
    if (trace == NULL)
        return;
    OD_ASSERT(trace->object == object);
    OD_ASSERT(object->objects->trace_count > 0);
    object->history.odds->trace = NULL;
    object->objects->trace_count--;
    od_list_remove(&trace->link);
    free(trace->tap);
    free(trace);
}

// --- What happens --------------------------------------------------------------------------------

static struct od_trace_event *event_at(struct od_trace *trace, uint64_t number)
{
    OD_ASSERT(number > 0);
    return &trace->events[number % OD_TRACE_EVENTS];
}

void od_trace_began(struct od_object *object, const struct od_task *task)
{
    struct od_trace *trace = od_trace_of(object);
    if (trace == NULL)
        return;
    int64_t now_us = object->objects->event_began_us;
    const struct od_event *event = task->event;
    trace->running = event_at(trace, ++trace->last);
    *trace->running = (struct od_trace_event){.number = trace->last,
                                              .task = task->id,
                                              .bytes = event == NULL ? 0 : event->size,
                                              .came_us = now_us,
                                              .began_us = now_us};
    if (event != NULL && event->came_us > 0 && event->came_us < now_us)
        trace->running->came_us = event->came_us;
    snprintf(trace->running->name, sizeof trace->running->name, "%s", od_task_name(task));
}

// NULL: it began before somebody watched, or a hundred others have begun since.
static struct od_trace_event *event_of(struct od_trace *trace, const struct od_task *task)
{
    for (size_t i = 0; i < OD_TRACE_EVENTS; i++) {
        struct od_trace_event *event = &trace->events[i];
        if (event->number > 0 && event->task == task->id)
            return event;
    }
    return NULL;
}

void od_trace_goes_on(struct od_object *object, const struct od_task *task)
{
    struct od_trace *trace = od_trace_of(object);
    if (trace != NULL)
        trace->running = event_of(trace, task);
}

void od_trace_ran(struct od_object *object, int64_t us)
{
    struct od_trace *trace = od_trace_of(object);
    if (trace == NULL || trace->running == NULL)
        return;
    trace->running->run_us += us;
    trace->running = NULL;
}

void od_trace_task_over(struct od_object *object, const struct od_task *task)
{
    struct od_trace *trace = od_trace_of(object);
    struct od_trace_event *event = trace == NULL ? NULL : event_of(trace, task);
    if (event == NULL)
        return;
    event->ended_us = od_clock_passed_us();
    event->has_failed = task->has_failed;
    od_seq seq = od_storage_pending_seq(&object->storage);
    event->seq = seq == OD_SEQ_UNKNOWN ? 0 : seq;
}

// --- What leaves ---------------------------------------------------------------------------------

static void note_durable(struct od_trace *trace, uint64_t durable, int64_t now_us)
{
    for (size_t i = 0; i < OD_TRACE_EVENTS; i++) {
        struct od_trace_event *event = &trace->events[i];
        if (event->durable_us == 0 && event->seq > 0 && event->seq <= durable)
            event->durable_us = now_us;
    }
}

void od_traces_durable(const struct od_objects *objects)
{
    if (od_list_is_empty(&objects->traces))
        return;
    int64_t now_us = od_clock_passed_us();
    OD_LIST_EACH (link, &objects->traces)
        note_durable(OD_LIST_MEMBER(link, struct od_trace, link), objects->durable, now_us);
}

static void note_sent(struct od_trace *trace, int64_t now_us)
{
    for (size_t i = 0; i < OD_TRACE_EVENTS; i++) {
        struct od_trace_event *event = &trace->events[i];
        bool is_free = event->seq == 0 || event->durable_us > 0;
        if (event->ended_us > 0 && event->sent_us == 0 && is_free)
            event->sent_us = now_us;
    }
}

void od_traces_turn(struct od_objects *objects)
{
    if (od_list_is_empty(&objects->traces))
        return;
    int64_t now_us = od_clock_passed_us();
    od_time_ms due_ms = od_clock_monotonic_ms() - OD_TRACE_MS_MAX;
    OD_LIST_EACH_SAFE (link, &objects->traces) {
        struct od_trace *trace = OD_LIST_MEMBER(link, struct od_trace, link);
        struct od_object *object = trace->object;
        note_sent(trace, now_us);
        if (trace->asked_ms > due_ms)
            continue;
        od_trace_end(object);
        od_object_settle(object); // It may go now.
    }
}

// --- What is told --------------------------------------------------------------------------------

static void put_phase(struct od_bytes *facts, const char *name, int64_t from_us, int64_t to_us)
{
    od_facts_number(facts, name, from_us > 0 && to_us > from_us ? (uint64_t)(to_us - from_us) : 0);
}

static const char *state_of(const struct od_trace_event *event)
{
    if (event->ended_us == 0)
        return "running";
    if (event->seq > 0 && event->durable_us == 0)
        return "committing";
    return event->has_failed ? "failed" : "done";
}

static void put_event(struct od_bytes *facts, const struct od_trace_event *event, int64_t now_us)
{
    OD_ASSERT(event->number > 0);
    int64_t ended_us = event->ended_us > 0 ? event->ended_us : now_us;
    int64_t commit_us = event->durable_us > 0 ? event->durable_us : now_us;
    bool commits = event->seq > 0;
    od_facts_number(facts, "number", event->number);
    od_facts_text(facts, "event", od_slice_of(event->name));
    od_facts_text(facts, "state", od_slice_of(state_of(event)));
    od_facts_number(facts, "ms", (uint64_t)(od_clock_wall_ms() - (now_us - event->came_us) / 1000));
    od_facts_number(facts, "bytes", event->bytes);
    put_phase(facts, "queueUs", event->came_us, event->began_us);
    od_facts_number(facts, "runUs", (uint64_t)event->run_us);
    put_phase(facts, "waitUs", event->began_us + event->run_us, ended_us);
    put_phase(facts, "commitUs", commits ? ended_us : 0, commit_us);
    put_phase(facts, "sendUs", commits ? commit_us : ended_us, event->sent_us);
    od_facts_end(facts);
}

void od_trace_put(struct od_bytes *facts, const struct od_object *object)
{
    struct od_trace *trace = od_trace_of(object);
    int64_t now_us = od_clock_passed_us();
    if (trace == NULL)
        return;
    uint64_t first = trace->last < OD_TRACE_EVENTS ? 1 : trace->last - OD_TRACE_EVENTS + 1;
    for (uint64_t number = first; number <= trace->last; number++)
        put_event(facts, event_at(trace, number), now_us);
}
