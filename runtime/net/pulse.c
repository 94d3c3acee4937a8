#include "net/pulse.h"

#include "link/loop.h"

enum {
    looks_max = 256 // Of one firing of the timer: other work comes in between.
};

static struct od_pulse *first_of(const struct od_list *list)
{
    return od_list_is_empty(list) ? NULL : OD_LIST_MEMBER(list->next, struct od_pulse, link);
}

static void put_behind(struct od_list *list, struct od_pulse *pulse, bool is_asked)
{
    od_list_remove(&pulse->link);
    od_list_push_back(list, &pulse->link);
    pulse->since_ms = od_clock_monotonic_ms();
    pulse->is_asked = is_asked;
}

// The next one that may be due, of both lists; NULL when there is none.
static struct od_pulse *next_of(const struct od_pulses *pulses)
{
    struct od_pulse *heard = first_of(&pulses->heard);
    struct od_pulse *asked = first_of(&pulses->asked);
    if (heard == NULL || asked == NULL)
        return heard == NULL ? asked : heard;
    return asked->since_ms <= heard->since_ms ? asked : heard;
}

// The timer is set for the first of what is there then; those it waits for may be heard meanwhile,
// and it only looks once more. So a beat need not touch it.
static void set_timer(struct od_pulses *pulses)
{
    const struct od_pulse *next = next_of(pulses);
    if (next == NULL || pulses->ping_ms == 0)
        return;
    od_timers_set(&pulses->loop->timers, &pulses->timer, next->since_ms + pulses->ping_ms);
}

static void look_at(struct od_pulses *pulses, struct od_pulse *pulse)
{
    if (pulse->is_asked) {
        od_pulse_stop(pulse);
        pulses->events->lost(pulse);
    } else {
        bool is_asked = pulses->events->ask(pulse);
        put_behind(is_asked ? &pulses->asked : &pulses->heard, pulse, is_asked);
    }
}

static void on_timer(struct od_timer *timer)
{
    struct od_pulses *pulses = OD_TIMER_MEMBER(timer, struct od_pulses, timer);
    od_time_ms due_ms = od_clock_monotonic_ms() - pulses->ping_ms;
    struct od_pulse *pulse;
    for (int i = 0; i < looks_max && (pulse = next_of(pulses)) != NULL; i++) {
        if (pulse->since_ms > due_ms)
            break;
        look_at(pulses, pulse);
    }
    set_timer(pulses);
}

void od_pulses_init(struct od_pulses *pulses, struct od_loop *loop,
                    const struct od_pulse_events *events)
{
    *pulses = (struct od_pulses){.loop = loop, .events = events, .timer = {.fire = on_timer}};
    od_list_init(&pulses->heard);
    od_list_init(&pulses->asked);
}

void od_pulses_set_ping_ms(struct od_pulses *pulses, od_time_ms ping_ms)
{
    od_loop_clear_timer(pulses->loop, &pulses->timer);
    pulses->ping_ms = ping_ms;
    set_timer(pulses);
}

void od_pulses_stop(struct od_pulses *pulses)
{
    od_pulses_set_ping_ms(pulses, 0);
}

void od_pulse_start(struct od_pulses *pulses, struct od_pulse *pulse)
{
    od_list_init(&pulse->link);
    put_behind(&pulses->heard, pulse, false);
    if (!od_timer_is_set(&pulses->timer))
        set_timer(pulses);
}

void od_pulse_beat(struct od_pulses *pulses, struct od_pulse *pulse)
{
    if (pulses->ping_ms > 0 && pulse->link.next != NULL)
        put_behind(&pulses->heard, pulse, false);
}

void od_pulse_stop(struct od_pulse *pulse)
{
    if (pulse->link.next != NULL)
        od_list_remove(&pulse->link);
    pulse->link = (struct od_list){NULL, NULL};
}
