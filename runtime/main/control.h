// Control: what the operator tells the running program, today by signals.
//
// The first SIGINT or SIGTERM asks it to finish, the second to end at once. SIGHUP is reserved for
// reloading the script. Signals arrive as events of the loop, so whoever is told may do anything.
//
// Process: main; workers ignore these signals (main/child.h). Owner: embedded; od_control_close,
// then the loop must run once more.

#ifndef OD_MAIN_CONTROL_H
#define OD_MAIN_CONTROL_H

#include <uv.h>

#define OD_CONTROL_SIGNALS 3

struct od_control_events {
    void (*stop)(void *owner); // Once.
    void (*kill)(void *owner);
    void (*reload)(void *owner);
};

struct od_control {
    const struct od_control_events *events;
    void *owner;
    int stops; // How often it was asked to.
    uv_signal_t signals[OD_CONTROL_SIGNALS];
};

void od_control_open(struct od_control *control, uv_loop_t *loop,
                     const struct od_control_events *events, void *owner);
void od_control_close(struct od_control *control); // Signals have their usual meaning again.

#endif
