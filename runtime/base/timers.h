// Deadlines, kept in a binary heap: the next one is known at once, setting and clearing cost log n.
//
// libwebsockets keeps its timers in a list that is walked from the front, and a libuv timer weighs
// 150 bytes; ten thousand connections with a deadline each want neither. A loop owns one heap and
// arms one timer of its own for the first of them.
//
// Owner: timers are embedded in what they time and must be cleared before that is freed.

#ifndef OD_BASE_TIMERS_H
#define OD_BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

struct od_timer {
    od_time_ms due_ms; // On the monotonic clock.
    uint32_t place;    // In the heap, counted from 1; 0: not set. Zeroed memory is a valid start.
    uint32_t order;    // Among those due in the same millisecond: as they were set.
    void (*fire)(struct od_timer *timer); // Called once, already cleared; may set it again.
};

struct od_timers {
    struct od_timer **heap; // heap[0] is unused.
    size_t size;
    size_t capacity;
    uint32_t last_order;
};

#define OD_TIMER_MEMBER(timer, type, field)                                                        \
    ((type *)(void *)((char *)(timer)-offsetof(type, field)))

void od_timers_init(struct od_timers *timers);
void od_timers_deinit(struct od_timers *timers); // No timer may be set any more.

// Sets [timer] to fire at [due_ms]; moves it when it was set.
void od_timers_set(struct od_timers *timers, struct od_timer *timer, od_time_ms due_ms);
void od_timers_clear(struct od_timers *timers, struct od_timer *timer); // Also when not set.
bool od_timer_is_set(const struct od_timer *timer);

// When the first is due, or -1 when none is set.
od_time_ms od_timers_next_ms(const struct od_timers *timers);

// Fires all that are due at [now_ms], earliest first, and of one millisecond as they were set.
void od_timers_run(struct od_timers *timers, od_time_ms now_ms);

#endif
