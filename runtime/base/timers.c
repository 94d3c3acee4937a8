#include "base/timers.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/check.h"

void od_timers_init(struct od_timers *timers)
{
    *timers = (struct od_timers){0};
}

void od_timers_deinit(struct od_timers *timers)
{
    OD_ASSERT(timers->size == 0);
    free(timers->heap);
    od_timers_init(timers);
}

static void put_at(struct od_timers *timers, struct od_timer *timer, size_t place)
{
    OD_ASSERT(place > 0);
    OD_ASSERT(place <= timers->size);
    timers->heap[place] = timer;
    timer->place = (uint32_t)place;
}

// The order may have gone round once; what is set at a time lies close together.
static bool is_before(const struct od_timer *a, const struct od_timer *b)
{
    if (a->due_ms != b->due_ms)
        return a->due_ms < b->due_ms;
    return (int32_t)(a->order - b->order) < 0;
}

static void sift_up(struct od_timers *timers, struct od_timer *timer)
{
    OD_ASSERT(timer->place > 0);
    size_t place = timer->place;
    while (place > 1 && is_before(timer, timers->heap[place / 2])) {
        put_at(timers, timers->heap[place / 2], place);
        place /= 2;
    }
    put_at(timers, timer, place);
}

static void sift_down(struct od_timers *timers, struct od_timer *timer)
{
    size_t place = timer->place;
    for (;;) {
        size_t child = place * 2;
        if (child > timers->size)
            break;
        if (child < timers->size && is_before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!is_before(timers->heap[child], timer))
            break;
        put_at(timers, timers->heap[child], place);
        place = child;
    }
    put_at(timers, timer, place);
}

static void make_room(struct od_timers *timers)
{
    OD_ASSERT(timers->size < UINT32_MAX);
    if (timers->size + 2 <= timers->capacity)
        return;
    timers->heap = od_grow(timers->heap, &timers->capacity, sizeof *timers->heap);
}

void od_timers_set(struct od_timers *timers, struct od_timer *timer, od_time_ms due_ms)
{
    OD_ASSERT(timer->fire != NULL);
    od_timers_clear(timers, timer);
    make_room(timers);
    timer->due_ms = due_ms;
    timer->order = ++timers->last_order;
    timer->place = (uint32_t)++timers->size;
    sift_up(timers, timer);
}

void od_timers_clear(struct od_timers *timers, struct od_timer *timer)
{
    if (timer->place == 0)
        return;
    OD_ASSERT(timer->place <= timers->size);
    OD_ASSERT(timers->heap[timer->place] == timer);
    struct od_timer *last = timers->heap[timers->size--];
    if (last != timer) {
        last->place = timer->place;
        sift_up(timers, last);
        sift_down(timers, last);
    }
    timer->place = 0;
}

bool od_timer_is_set(const struct od_timer *timer)
{
    return timer->place != 0;
}

od_time_ms od_timers_next_ms(const struct od_timers *timers)
{
    return timers->size == 0 ? -1 : timers->heap[1]->due_ms;
}

void od_timers_run(struct od_timers *timers, od_time_ms now_ms)
{
    while (timers->size > 0 && timers->heap[1]->due_ms <= now_ms) {
        struct od_timer *timer = timers->heap[1];
        od_timers_clear(timers, timer);
        timer->fire(timer);
    }
}
