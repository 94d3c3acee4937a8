#include "main/control.h"

#include <signal.h>

#include "base/check.h"

static void on_stop(uv_signal_t *handle, int number)
{
    (void)number;
    struct od_control *control = handle->data;
    if (control->stops++ == 0)
        control->events->stop(control->owner);
    else
        control->events->kill(control->owner);
}

static void on_reload(uv_signal_t *handle, int number)
{
    (void)number;
    struct od_control *control = handle->data;
    control->events->reload(control->owner);
}

static const struct {
    int number;
    uv_signal_cb happened;
} signals[OD_CONTROL_SIGNALS] = {{SIGINT, on_stop}, {SIGTERM, on_stop}, {SIGHUP, on_reload}};

void od_control_open(struct od_control *control, uv_loop_t *loop,
                     const struct od_control_events *events, void *owner)
{
    *control = (struct od_control){.events = events, .owner = owner};
    for (int i = 0; i < OD_CONTROL_SIGNALS; i++) {
        uv_signal_init(loop, &control->signals[i]);
        control->signals[i].data = control;
        int status = uv_signal_start(&control->signals[i], signals[i].happened, signals[i].number);
        OD_ASSERT(status == 0);
    }
}

void od_control_close(struct od_control *control)
{
    for (int i = 0; i < OD_CONTROL_SIGNALS; i++)
        uv_close((uv_handle_t *)&control->signals[i], NULL);
}
