// A loop whose process is held up between the moment its alarm is set and its wait: a timer that is
// due at once has its turn in between, and takes its time.

#include "spec/unit/link/held_up.h"
#include "link/loop.h"

enum {
    due_ms = 2,
    held_ms = 10,
    rescue_ms = 3000 // What else would wake it.
};

static bool has_fired;

static void note(struct od_timer *timer)
{
    (void)timer;
    has_fired = true;
}

static void hold(uv_timer_t *timer)
{
    uint64_t until_ms = uv_now(timer->loop) + held_ms;
    while (uv_now(timer->loop) < until_ms)
        uv_update_time(timer->loop);
}

static void rescue(uv_timer_t *timer)
{
    (void)timer;
}

bool held_up_fires(void)
{
    struct od_loop loop;
    struct od_error err;
    struct od_timer timer = {.fire = note};
    uv_timer_t holds, rescues;
    bool ok = od_loop_init(&loop, &err);
    OD_ASSERT(ok);
    uv_timer_init(&loop.uv, &holds);
    uv_timer_init(&loop.uv, &rescues);
    uv_timer_start(&holds, hold, 0, 0);
    uv_timer_start(&rescues, rescue, rescue_ms, 0);
    od_loop_set_timer(&loop, &timer, due_ms);
    od_time_ms began_ms = od_clock_monotonic_ms();
    while (!has_fired)
        od_loop_poll(&loop, true);
    bool in_time = od_clock_monotonic_ms() - began_ms < rescue_ms;
    uv_close((uv_handle_t *)&holds, NULL);
    uv_close((uv_handle_t *)&rescues, NULL);
    od_loop_deinit(&loop);
    return in_time;
}
