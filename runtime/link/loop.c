#include "link/loop.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/fault.h"

enum {
    tick_ms = 2
};

// Deadlines fire in od_loop_poll; this only ends the wait. It may be called before the wait, when
// the process was held up since the alarm was set: then there must be none, or it has no end.
static void on_wake(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void *allocate_zeroed(size_t count, size_t size)
{
    return od_allocate_zeroed(count * size); // libuv multiplies nothing large.
}

bool od_loop_init(struct od_loop *loop, struct od_error *err)
{
    // By itself libuv aborts in some places without a word when there is no memory.
    uv_replace_allocator(od_allocate, od_reallocate, allocate_zeroed, free);
    int failed = uv_loop_init(&loop->uv);
    if (failed != 0)
        return od_error_set(err, "cannot start the event loop: %s", uv_strerror(failed));
    uv_timer_init(&loop->uv, &loop->alarm);
    uv_timer_init(&loop->uv, &loop->tick);
    od_timers_init(&loop->timers);
    loop->now_ms = od_clock_monotonic_ms();
    if (od_fault_page_present())
        uv_timer_start(&loop->tick, on_wake, tick_ms, tick_ms);
    return true;
}

void od_loop_deinit(struct od_loop *loop)
{
    uv_close((uv_handle_t *)&loop->alarm, NULL);
    uv_close((uv_handle_t *)&loop->tick, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    int status = uv_loop_close(&loop->uv);
    OD_ASSERT(status == 0);
    od_timers_deinit(&loop->timers);
}

// Whether the loop may wait at all. With UV_RUN_ONCE libuv runs its timers before it waits: an
// alarm that is due at once would be used up, and the wait be endless.
static bool set_alarm(struct od_loop *loop)
{
    od_time_ms next_ms = od_timers_next_ms(&loop->timers);
    if (next_ms < 0) {
        uv_timer_stop(&loop->alarm);
        return true;
    }
    od_time_ms wait_ms = next_ms - od_clock_monotonic_ms();
    if (wait_ms <= 0)
        return false;
    uv_update_time(&loop->uv); // libuv counts from the end of its last wait.
    uv_timer_start(&loop->alarm, on_wake, (uint64_t)wait_ms, 0);
    return true;
}

void od_loop_wait(struct od_loop *loop, bool may_block)
{
    bool waits = may_block && set_alarm(loop);
    uv_run(&loop->uv, waits ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    loop->now_ms = od_clock_monotonic_ms();
}

void od_loop_fire(struct od_loop *loop)
{
    od_timers_run(&loop->timers, loop->now_ms);
}

void od_loop_poll(struct od_loop *loop, bool may_block)
{
    od_loop_wait(loop, may_block);
    od_loop_fire(loop);
}

// The clock is asked each time: a time kept from the last round would be as old as the loop has
// slept.
void od_loop_set_timer(struct od_loop *loop, struct od_timer *timer, od_time_ms delay_ms)
{
    OD_ASSERT(timer->fire != NULL);
    od_timers_set(&loop->timers, timer, od_clock_monotonic_ms() + delay_ms);
}

void od_loop_clear_timer(struct od_loop *loop, struct od_timer *timer)
{
    od_timers_clear(&loop->timers, timer);
}
