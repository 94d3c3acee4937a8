// A timer of the wall's time: wakes the loop at a moment of it, and when somebody sets the clock,
// either way.
//
// The loop's own timers count from the start of the machine: by them an alarm for noon would ring
// an hour late when the clock was set an hour ahead.
//
// Process: main. Owner: embedded; od_wall_timer_close, then the loop must run once more.

#ifndef OD_MAIN_WORKERS_WALL_TIMER_H
#define OD_MAIN_WORKERS_WALL_TIMER_H

#include "base/error.h"
#include "link/loop.h"
#include "store/alarm.h"

struct od_wall_timer {
    int fd; // -1: not open.
    uv_poll_t poll;
    od_time_ms due_ms; // -1: it has fired, and waits for nothing.
};

void od_wall_timer_init(struct od_wall_timer *timer);

// Does nothing when it is open.
OD_MUST_CHECK bool od_wall_timer_open(struct od_wall_timer *timer, struct od_loop *loop,
                                      struct od_error *err);

// Wakes at [due_ms], at once when that has passed, or with OD_ALARM_NONE_MS never; and, unless
// never, when the clock is set. Costs nothing when it waits for that already.
void od_wall_timer_set(struct od_wall_timer *timer, od_time_ms due_ms);

void od_wall_timer_close(struct od_wall_timer *timer);

#endif
