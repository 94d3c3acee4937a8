#include "main/workers/supervisor.h"

#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "main/processes/limits.h"
#include "main/workers/limits.h"
#include "main/workers/worker_process.h"

// --- Watermarks ----------------------------------------------------------------------------------

static void check(const struct od_supervisor *supervisor)
{
    OD_ASSERT(supervisor->child_count > 0);
    OD_ASSERT(supervisor->children != NULL);
    OD_ASSERT(!supervisor->has_stopped || supervisor->is_stopping);
}

void od_supervisor_put_watermarks(struct od_child *child)
{
    OD_ASSERT(child->has_link);
    struct {
        enum od_kind kind;
        uint64_t seq;
    } const news[] = {{OD_KIND_DURABLE, child->durable}, {OD_KIND_APPLIED, child->applied}};
    for (int i = 0; i < 2; i++) {
        if (news[i].seq == 0)
            continue;
        size_t mark = od_link_begin(&child->link, news[i].kind, -1);
        od_bytes_put_u64(&child->link.out, news[i].seq);
        if (news[i].kind == OD_KIND_DURABLE) {
            od_bytes_put_u64(&child->link.out, child->moment.sequence);
            od_bytes_put_u64(&child->link.out, (uint64_t)child->moment.time_ms);
        }
        od_link_end(&child->link, mark);
    }
    child->durable = child->applied = 0;
}

void od_supervisor_flush(struct od_supervisor *supervisor)
{
    check(supervisor);
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        struct od_child *child = &supervisor->children[i];
        if (!child->has_link || child->link.is_closing)
            continue;
        od_supervisor_put_watermarks(child);
        if (od_link_waiting_bytes(&child->link) > 0)
            od_link_flush(&child->link);
    }
}

// --- Who is there --------------------------------------------------------------------------------

void od_supervisor_admit(struct od_child *child)
{
    od_child_check(child);
    if (child->state == OD_CHILD_RESTORING)
        child->state = OD_CHILD_READY;
}

struct od_child *od_supervisor_ready(struct od_supervisor *supervisor, uint32_t index)
{
    OD_ASSERT(index < supervisor->child_count);
    struct od_child *child = &supervisor->children[index];
    OD_ASSERT(child->state != OD_CHILD_READY || child->has_link || child->link.is_gone);
    bool can_take = child->state == OD_CHILD_READY && !child->link.is_gone &&
                    od_link_waiting_bytes(&child->link) < OD_LINK_WAITING_BYTES_MAX;
    return can_take ? child : NULL;
}

struct od_child *od_supervisor_ready_any(struct od_supervisor *supervisor)
{
    check(supervisor);
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        uint32_t index = supervisor->next_any++ % supervisor->child_count;
        struct od_child *child = od_supervisor_ready(supervisor, index);
        if (child != NULL)
            return child;
    }
    return NULL;
}

uint32_t od_supervisor_ready_count(const struct od_supervisor *supervisor)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < supervisor->child_count; i++)
        count += supervisor->children[i].state == OD_CHILD_READY;
    return count;
}

struct od_child *od_supervisor_by_source(struct od_supervisor *supervisor, uint32_t source)
{
    OD_ASSERT(source != 0); // No life has that number.
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        if (supervisor->children[i].source == source)
            return &supervisor->children[i];
    }
    return NULL;
}

void od_supervisor_vacate(struct od_supervisor *supervisor, uint32_t source)
{
    struct od_child *child = od_supervisor_by_source(supervisor, source);
    if (child == NULL)
        return;
    OD_ASSERT(child->state == OD_CHILD_ENDED);
    child->is_vacated = true;
    od_worker_process_empty_place(child);
}

// --- The watchdog --------------------------------------------------------------------------------

static void replace_overdue(struct od_child *child)
{
    child->is_overdue = true;
    od_worker_process_kill(child);
}

static void end_long_event(struct od_child *child, const struct od_worker_page_event *event)
{
    OD_ASSERT(!child->is_overdue);
    od_log(OD_LOG_ERROR, event->label,
           "%s has run for more than %u ms (--event-limit-ms); worker %u is killed and replaced",
           event->name, child->supervisor->options->event_limit_ms, child->index);
    replace_overdue(child);
}

static void end_standstill(struct od_child *child)
{
    OD_ASSERT(!child->is_overdue);
    od_log(OD_LOG_ERROR, NULL,
           "worker %u stands still, and no event of it runs: it has done nothing for more than %d "
           "ms; it is killed and replaced",
           child->index, (int)od_watchdog_still_ms(child->supervisor->options->event_limit_ms));
    replace_overdue(child);
}

// While it loads or drains it has a deadline for that.
static bool takes_turns(const struct od_child *child)
{
    return (child->state == OD_CHILD_READY || child->state == OD_CHILD_RESTORING) &&
           child->has_link && !child->link.is_gone;
}

static void look_at(struct od_child *child)
{
    struct od_worker_page_event event;
    if (child->page == NULL || child->is_overdue)
        return;
    switch (od_watchdog_look(&child->watchdog, child->page,
                             child->supervisor->options->event_limit_ms, &event)) {
    case OD_SIGHT_WELL:
        break;
    case OD_SIGHT_IDLE:
        if (takes_turns(child))
            od_link_send(&child->link, OD_KIND_TURN, (od_slice){NULL, 0}, -1);
        break;
    case OD_SIGHT_LONG_EVENT:
        end_long_event(child, &event);
        break;
    case OD_SIGHT_STILL:
        if (takes_turns(child))
            end_standstill(child);
        break;
    }
}

static void on_watch(struct od_timer *timer)
{
    struct od_supervisor *supervisor = OD_TIMER_MEMBER(timer, struct od_supervisor, watch_timer);
    for (uint32_t i = 0; i < supervisor->child_count; i++)
        look_at(&supervisor->children[i]);
    od_loop_set_timer(supervisor->loop, timer,
                      od_watchdog_interval_ms(supervisor->options->event_limit_ms));
}

// --- The whole -----------------------------------------------------------------------------------

static void on_child_signal(uv_signal_t *handle, int number)
{
    (void)number;
    struct od_supervisor *supervisor = handle->data;
    for (uint32_t i = 0; i < supervisor->child_count; i++)
        od_worker_process_reap(&supervisor->children[i]);
}

void od_supervisor_init(struct od_supervisor *supervisor, struct od_loop *loop,
                        const struct od_options *options, uint32_t child_count,
                        const struct od_supervisor_events *events, void *owner)
{
    OD_ASSERT(child_count > 0);
    *supervisor = (struct od_supervisor){.loop = loop,
                                         .options = options,
                                         .events = events,
                                         .owner = owner,
                                         .child_count = child_count};
    supervisor->children = od_allocate_zeroed(child_count * sizeof *supervisor->children);
    for (uint32_t i = 0; i < child_count; i++) {
        supervisor->children[i].supervisor = supervisor;
        supervisor->children[i].index = i;
    }
    int status = uv_signal_init(&loop->uv, &supervisor->child_signal);
    OD_ASSERT(status == 0);
    supervisor->child_signal.data = supervisor;
    status = uv_signal_start(&supervisor->child_signal, on_child_signal, SIGCHLD);
    OD_ASSERT(status == 0);
}

bool od_supervisor_start(struct od_supervisor *supervisor, struct od_error *err)
{
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        if (!od_worker_process_start(&supervisor->children[i], err))
            return false;
    }
    od_supervisor_flush(supervisor);
    supervisor->watch_timer.fire = on_watch;
    on_watch(&supervisor->watch_timer);
    return true;
}

static bool is_empty(const struct od_supervisor *supervisor)
{
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        if (supervisor->children[i].state != OD_CHILD_ABSENT)
            return false;
    }
    return true;
}

void od_supervisor_stop_when_empty(struct od_supervisor *supervisor)
{
    check(supervisor);
    if (supervisor->has_stopped || !is_empty(supervisor))
        return;
    if (!supervisor->is_stopping) {
        supervisor->events->left(supervisor->owner);
        return;
    }
    supervisor->has_stopped = true;
    od_loop_clear_timer(supervisor->loop, &supervisor->drain_timer);
    supervisor->events->stopped(supervisor->owner);
}

static void on_drain_late(struct od_timer *timer)
{
    struct od_supervisor *supervisor = OD_TIMER_MEMBER(timer, struct od_supervisor, drain_timer);
    od_log(OD_LOG_WARN, NULL, "workers have not finished within %d s and are killed",
           OD_DRAIN_MS_MAX / 1000);
    od_supervisor_kill(supervisor);
}

static void drain_child(struct od_child *child)
{
    od_child_check(child);
    if (child->state == OD_CHILD_LEAVING)
        return; // It ends by itself.
    od_loop_clear_timer(child->supervisor->loop, &child->timer);
    if (child->state == OD_CHILD_READY || child->state == OD_CHILD_RESTORING) {
        size_t mark = od_link_begin(&child->link, OD_KIND_DRAIN, -1);
        od_bytes_put_u32(&child->link.out, OD_DRAIN_MS_MAX);
        od_link_end(&child->link, mark);
        child->state = OD_CHILD_DRAINING;
    } else {
        od_worker_process_kill(child); // Nothing was given to one that is still loading.
    }
}

void od_supervisor_drain(struct od_supervisor *supervisor)
{
    check(supervisor);
    supervisor->is_stopping = true;
    supervisor->drain_timer.fire = on_drain_late;
    od_loop_set_timer(supervisor->loop, &supervisor->drain_timer, OD_DRAIN_MS_MAX);
    for (uint32_t i = 0; i < supervisor->child_count; i++)
        drain_child(&supervisor->children[i]);
    od_supervisor_stop_when_empty(supervisor);
}

// --- Leaving -------------------------------------------------------------------------------------

static void on_leave_late(struct od_timer *timer)
{
    struct od_child *child = OD_TIMER_MEMBER(timer, struct od_child, timer);
    od_log(OD_LOG_ERROR, NULL,
           "worker %u has not handed over what it has within %d s, and is killed", child->index,
           (OD_LEAVE_MS_MAX + OD_LEAVE_LATE_MS) / 1000);
    od_worker_process_kill(child);
}

void od_supervisor_await_calm(struct od_child *child)
{
    child->is_calm = false;
    size_t mark = od_link_begin(&child->link, OD_KIND_AWAIT_CALM, -1);
    od_bytes_put_u32(&child->link.out, OD_CALM_MS_MAX);
    od_link_end(&child->link, mark);
}

void od_supervisor_leave_one(struct od_child *child)
{
    OD_ASSERT(child->state == OD_CHILD_READY);
    child->state = OD_CHILD_LEAVING;
    child->is_still = false;
    child->timer.fire = on_leave_late;
    od_loop_set_timer(child->supervisor->loop, &child->timer, OD_LEAVE_MS_MAX + OD_LEAVE_LATE_MS);
    size_t mark = od_link_begin(&child->link, OD_KIND_LEAVE, -1);
    od_bytes_put_u32(&child->link.out, OD_LEAVE_MS_MAX);
    od_link_end(&child->link, mark);
}

void od_supervisor_leave(struct od_supervisor *supervisor)
{
    supervisor->is_leaving = true;
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        struct od_child *child = &supervisor->children[i];
        if (child->state == OD_CHILD_READY)
            od_supervisor_leave_one(child);
        else
            od_loop_clear_timer(supervisor->loop, &child->timer);
    }
}

void od_supervisor_still(struct od_child *child)
{
    struct od_supervisor *supervisor = child->supervisor;
    child->is_still = true;
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        const struct od_child *other = &supervisor->children[i];
        if (other->state == OD_CHILD_LEAVING && !other->is_still)
            return;
    }
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        if (supervisor->children[i].state == OD_CHILD_LEAVING)
            od_link_send(&supervisor->children[i].link, OD_KIND_PART, (od_slice){NULL, 0}, -1);
    }
}

void od_supervisor_return(struct od_supervisor *supervisor)
{
    supervisor->is_leaving = false;
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        if (supervisor->children[i].state == OD_CHILD_ABSENT)
            od_worker_process_start_later(&supervisor->children[i]);
    }
}

void od_supervisor_kill(struct od_supervisor *supervisor)
{
    check(supervisor);
    supervisor->is_stopping = true;
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        od_loop_clear_timer(supervisor->loop, &supervisor->children[i].timer);
        od_worker_process_kill(&supervisor->children[i]);
    }
    od_supervisor_stop_when_empty(supervisor);
}

void od_supervisor_deinit(struct od_supervisor *supervisor)
{
    OD_ASSERT(supervisor->has_stopped);
    od_loop_clear_timer(supervisor->loop, &supervisor->watch_timer);
    uv_close((uv_handle_t *)&supervisor->child_signal, NULL);
    free(supervisor->children);
    supervisor->children = NULL;
}
