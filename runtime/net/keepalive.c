#include "net/keepalive.h"

#include "link/loop.h"

enum {
    looks_max = 256 // Of one firing of the timer: other work comes in between.
};

static struct od_keepalive *first_of(const struct od_list *list)
{
    return od_list_is_empty(list) ? NULL : OD_LIST_MEMBER(list->next, struct od_keepalive, link);
}

static void put_behind(struct od_list *list, struct od_keepalive *keepalive)
{
    OD_ASSERT(keepalive->link.next != NULL);
    od_list_remove(&keepalive->link);
    od_list_push_back(list, &keepalive->link);
    keepalive->since_ms = od_clock_monotonic_ms();
}

// The next one that may be due, of both lists; NULL when there is none.
static struct od_keepalive *next_of(const struct od_keepalives *keepalives)
{
    struct od_keepalive *heard = first_of(&keepalives->heard);
    struct od_keepalive *asked = first_of(&keepalives->asked);
    if (heard == NULL || asked == NULL)
        return heard == NULL ? asked : heard;
    return asked->since_ms <= heard->since_ms ? asked : heard;
}

// The timer is set for the first of what is there then; those it waits for may be heard meanwhile,
// and it only looks once more. So a beat need not touch it.
static void set_timer(struct od_keepalives *keepalives)
{
    const struct od_keepalive *next = next_of(keepalives);
    if (next == NULL || keepalives->ping_ms == 0)
        return;
    od_timers_set(&keepalives->loop->timers, &keepalives->timer,
                  next->since_ms + keepalives->ping_ms);
}

// It is the first of its list.
static void look_at(struct od_keepalives *keepalives, struct od_keepalive *keepalive)
{
    OD_ASSERT(keepalives->ping_ms > 0);
    if (keepalive == first_of(&keepalives->asked)) {
        od_keepalive_stop(keepalive);
        keepalives->events->lost(keepalive);
    } else {
        bool is_asked = keepalives->events->ask(keepalive);
        put_behind(is_asked ? &keepalives->asked : &keepalives->heard, keepalive);
    }
}

static void on_timer(struct od_timer *timer)
{
    struct od_keepalives *keepalives = OD_TIMER_MEMBER(timer, struct od_keepalives, timer);
    od_time_ms due_ms = od_clock_monotonic_ms() - keepalives->ping_ms;
    struct od_keepalive *keepalive;
    for (int i = 0; i < looks_max && (keepalive = next_of(keepalives)) != NULL; i++) {
        if (keepalive->since_ms > due_ms)
            break;
        look_at(keepalives, keepalive);
    }
    set_timer(keepalives);
}

void od_keepalives_init(struct od_keepalives *keepalives, struct od_loop *loop,
                        const struct od_keepalive_events *events)
{
    *keepalives =
        (struct od_keepalives){.loop = loop, .events = events, .timer = {.fire = on_timer}};
    od_list_init(&keepalives->heard);
    od_list_init(&keepalives->asked);
}

void od_keepalives_set_ping_ms(struct od_keepalives *keepalives, od_time_ms ping_ms)
{
    OD_ASSERT(ping_ms >= 0);
    od_loop_clear_timer(keepalives->loop, &keepalives->timer);
    keepalives->ping_ms = ping_ms;
    set_timer(keepalives);
}

void od_keepalives_stop(struct od_keepalives *keepalives)
{
    od_keepalives_set_ping_ms(keepalives, 0);
}

void od_keepalive_start(struct od_keepalives *keepalives, struct od_keepalive *keepalive)
{
    od_list_init(&keepalive->link);
    put_behind(&keepalives->heard, keepalive);
    if (!od_timer_is_set(&keepalives->timer))
        set_timer(keepalives);
}

void od_keepalive_beat(struct od_keepalives *keepalives, struct od_keepalive *keepalive)
{
    if (keepalives->ping_ms > 0 && keepalive->link.next != NULL)
        put_behind(&keepalives->heard, keepalive);
}

void od_keepalive_stop(struct od_keepalive *keepalive)
{
    if (keepalive->link.next != NULL)
        od_list_remove(&keepalive->link);
    keepalive->link = (struct od_list){NULL, NULL};
}
