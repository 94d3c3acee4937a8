#include "main/operator/signals.h"

#include <signal.h>

#include "base/check.h"
#include "main/operator/limits.h"

static void on_stop(uv_signal_t *handle, int number)
{
    (void)number;
    struct od_signals *signals = handle->data;
    od_time_ms now_ms = od_clock_monotonic_ms_at((int64_t)uv_now(handle->loop) * 1000);
    bool is_first = !signals->is_stopping;
    signals->is_stopping = true;
    if (is_first) {
        signals->stop_ms = now_ms;
        signals->events->stop(signals->owner);
    } else if (now_ms - signals->stop_ms >= OD_SIGNAL_ECHO_MS) {
        signals->events->kill(signals->owner);
    }
}

static void on_reload(uv_signal_t *handle, int number)
{
    (void)number;
    struct od_signals *signals = handle->data;
    signals->events->reload(signals->owner);
}

static void on_upgrade(uv_signal_t *handle, int number)
{
    (void)number;
    struct od_signals *signals = handle->data;
    signals->events->upgrade(signals->owner);
}

static const struct {
    int number;
    uv_signal_cb happened;
} kinds[OD_SIGNALS_COUNT] = {
    {SIGINT, on_stop}, {SIGTERM, on_stop}, {SIGHUP, on_reload}, {SIGUSR2, on_upgrade}};

void od_signals_open(struct od_signals *signals, uv_loop_t *loop,
                     const struct od_signals_events *events, void *owner)
{
    *signals = (struct od_signals){.events = events, .owner = owner};
    OD_ASSERT(events != NULL);
    for (int i = 0; i < OD_SIGNALS_COUNT; i++) {
        uv_signal_init(loop, &signals->handles[i]);
        signals->handles[i].data = signals;
        int status = uv_signal_start(&signals->handles[i], kinds[i].happened, kinds[i].number);
        OD_ASSERT(status == 0);
    }
}

void od_signals_close(struct od_signals *signals)
{
    for (int i = 0; i < OD_SIGNALS_COUNT; i++)
        uv_close((uv_handle_t *)&signals->handles[i], NULL);
}
