#include "object/timeout.h"

#include <stdlib.h>

#include "object/objects.h"

static struct od_timeout *find(const struct od_object *object, uint64_t id)
{
    struct od_map_node *node = od_map_find_number(&object->objects->timeouts, id);
    struct od_timeout *timeout =
        node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_timeout, by_id);
    return timeout != NULL && timeout->object == object ? timeout : NULL;
}

static void check(const struct od_timeout *timeout)
{
    OD_ASSERT(timeout->id != 0);
    OD_ASSERT(timeout->period_ms >= 0);
    OD_ASSERT(timeout->event == NULL || !od_timer_is_set(&timeout->timer));
    OD_ASSERT(timeout->object->timeout_count > 0);
}

static void is_due(struct od_timer *timer)
{
    struct od_timeout *timeout = OD_TIMER_MEMBER(timer, struct od_timeout, timer);
    OD_ASSERT(timeout->event == NULL);
    timeout->event = od_event_new(OD_EVENT_TIMER, (od_slice){NULL, 0});
    timeout->event->timer = timeout->id;
    od_object_receive(timeout->object, timeout->event);
}

// The clock counts whole milliseconds and this one has begun already: one more, so as never to be
// early.
static od_time_ms due_in(od_time_ms ms)
{
    return od_clock_monotonic_ms() + ms + (ms > 0);
}

// A worker that ends runs no timer any more: it would never come to rest.
static void set_timer(struct od_timeout *timeout, od_time_ms due_ms)
{
    check(timeout);
    struct od_objects *objects = timeout->object->objects;
    if (!objects->is_draining)
        od_timers_set(objects->timers, &timeout->timer, due_ms);
}

void od_timeout_set(struct od_object *object, uint64_t id, od_time_ms ms, bool repeats)
{
    OD_ASSERT(ms >= 0);
    OD_ASSERT(find(object, id) == NULL);
    OD_ASSERT(object->timeout_count < OD_TIMEOUTS_MAX);
    OD_ASSERT(!repeats || ms > 0);
    struct od_timeout *timeout = od_allocate_zeroed(sizeof *timeout);
    timeout->id = id;
    timeout->object = object;
    timeout->timer.fire = is_due;
    timeout->period_ms = repeats ? ms : 0;
    od_list_init(&timeout->link);
    od_list_push_back(&object->work->timeouts, &timeout->link);
    object->timeout_count++;
    od_map_put_number(&object->objects->timeouts, &timeout->by_id, id);
    set_timer(timeout, due_in(ms));
}

static void timeout_free(struct od_timeout *timeout)
{
    check(timeout);
    struct od_object *object = timeout->object;
    od_timers_clear(object->objects->timers, &timeout->timer);
    if (timeout->event != NULL) {
        od_list_remove(&timeout->event->link);
        OD_ASSERT(object->inbox_count > 0);
        object->inbox_count--;
        od_event_free(timeout->event);
    }
    od_map_remove(&object->objects->timeouts, &timeout->by_id);
    od_list_remove(&timeout->link);
    object->timeout_count--;
    free(timeout);
}

void od_timeout_clear(struct od_object *object, uint64_t id)
{
    struct od_timeout *timeout = find(object, id);
    if (timeout != NULL)
        timeout_free(timeout);
}

void od_timeout_begin(struct od_object *object, const struct od_event *event)
{
    struct od_timeout *timeout = find(object, event->timer);
    OD_ASSERT(timeout != NULL);
    OD_ASSERT(timeout->event == event);
    timeout->event = NULL;
    if (timeout->period_ms == 0)
        timeout_free(timeout);
}

// [timer.due_ms] is still when it was due.
void od_timeout_end(struct od_object *object, uint64_t id)
{
    struct od_timeout *timeout = find(object, id);
    if (timeout == NULL)
        return;
    OD_ASSERT(timeout->period_ms > 0); // One that runs once is gone since it began.
    od_time_ms late_ms = od_clock_monotonic_ms() - timeout->timer.due_ms;
    od_time_ms periods = late_ms / timeout->period_ms + 1;
    set_timer(timeout, timeout->timer.due_ms + periods * timeout->period_ms);
}

void od_timeouts_clear(struct od_object *object)
{
    struct od_list *link;
    while ((link = od_list_pop_front(&object->work->timeouts)) != NULL)
        timeout_free(OD_LIST_MEMBER(link, struct od_timeout, link));
}

od_time_ms od_timeouts_next_ms(const struct od_object *object)
{
    od_time_ms now_ms = od_clock_monotonic_ms(), next_ms = -1;
    OD_LIST_EACH (link, &object->work->timeouts) {
        const struct od_timeout *timeout = OD_LIST_MEMBER(link, struct od_timeout, link);
        od_time_ms left_ms = timeout->timer.due_ms > now_ms ? timeout->timer.due_ms - now_ms : 0;
        if (next_ms < 0 || left_ms < next_ms)
            next_ms = left_ms;
    }
    return next_ms;
}
