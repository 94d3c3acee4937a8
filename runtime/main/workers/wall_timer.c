#include "main/workers/wall_timer.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/fault.h"

void od_wall_timer_init(struct od_wall_timer *timer)
{
    *timer = (struct od_wall_timer){.fd = -1, .due_ms = -1};
}

// What it says does not matter: the turn looks at the time.
static void on_time(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct od_wall_timer *timer = poll->data;
    uint64_t count;
    ssize_t got = read(timer->fd, &count, sizeof count);
    if (got > 0 || errno == ECANCELED)
        timer->due_ms = -1;
}

bool od_wall_timer_open(struct od_wall_timer *timer, struct od_loop *loop, struct od_error *err)
{
    if (timer->fd >= 0)
        return true;
    timer->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer->fd < 0)
        return od_error_errno(err, "cannot make a timer for alarms");
    uv_poll_init(&loop->uv, &timer->poll, timer->fd);
    timer->poll.data = timer;
    uv_poll_start(&timer->poll, UV_READABLE, on_time);
    return true;
}

void od_wall_timer_set(struct od_wall_timer *timer, od_time_ms due_ms)
{
    OD_ASSERT(timer->fd >= 0);
    if (timer->due_ms == due_ms)
        return;
    timer->due_ms = due_ms;
    struct itimerspec when = {0};
    od_time_ms real_ms = due_ms == OD_ALARM_NONE_MS ? 0 : due_ms - od_fault_wall_offset_ms();
    if (real_ms > 0) {
        when.it_value.tv_sec = real_ms / 1000;
        when.it_value.tv_nsec = real_ms % 1000 * 1000000;
    }
    int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    timerfd_settime(timer->fd, flags, &when, NULL);
}

void od_wall_timer_close(struct od_wall_timer *timer)
{
    if (timer->fd < 0)
        return;
    uv_close((uv_handle_t *)&timer->poll, NULL);
    close(timer->fd);
    timer->fd = -1;
}
