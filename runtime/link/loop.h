// The loop of a process: libuv's, and one heap of deadlines beside it.
//
// libuv calls back when a descriptor is ready; libwebsockets runs on the same loop (net.h), as do
// links and signals. Deadlines are kept in a heap of our own (base/timers.h says why) and fire in
// od_loop_poll, after the callbacks of libuv. One timer of libuv wakes the loop for the first of
// them.
//
// In test builds a spec can turn the clock, which wakes nobody: there the loop ticks every 2 ms.
//
// Process: any; Thread: the loop's. Owner: embedded; handles others put on [uv] must be closed, and
// deadlines cleared, before od_loop_deinit.

#ifndef OD_LINK_LOOP_H
#define OD_LINK_LOOP_H

#include <uv.h>

#include "base/error.h"
#include "base/timers.h"

struct od_loop {
    uv_loop_t uv;
    uv_timer_t alarm; // Wakes the loop when the first deadline is due.
    uv_timer_t tick;  // Test builds: notices a turned clock.
    struct od_timers timers;
    od_time_ms now_ms; // When the last wait of od_loop_poll had been dealt with, so right where
                       // timers fire and between rounds; in a callback of libuv it is as old as
                       // that wait was long: ask od_clock_monotonic_ms there.
};

OD_MUST_CHECK bool od_loop_init(struct od_loop *loop, struct od_error *err);
void od_loop_deinit(struct od_loop *loop); // Runs until the last handle that is closing is closed.

// One round: what is ready is called back, then what is due fires. Waits for the first of them when
// [may_block]; one that was due before the call is enough not to wait.
void od_loop_poll(struct od_loop *loop, bool may_block);

// Its two halves, for a process that reads in between what came meanwhile: a clock that jumps, as
// when the machine has slept, must not end what only waits to be heard.
void od_loop_wait(struct od_loop *loop, bool may_block);
void od_loop_fire(struct od_loop *loop);

// Sets [timer] to fire [delay_ms] from now; 0: in the next round.
void od_loop_set_timer(struct od_loop *loop, struct od_timer *timer, od_time_ms delay_ms);
void od_loop_clear_timer(struct od_loop *loop, struct od_timer *timer); // Also when not set.

#endif
