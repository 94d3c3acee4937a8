// Signals: what the operator tells the running program by them.
//
// The first SIGINT or SIGTERM asks it to finish, the second to end at once; but what comes within a
// moment of the first is its echo: a terminal tells the whole group, and what has started us (npm,
// timeout) passes on what it was told. SIGHUP asks it to reload the script, SIGUSR2 to let the file
// it was started from take over. Signals arrive as events of the loop, so whoever is told may do
// anything.
//
// Process: main; workers ignore these signals (main/workers/child.h). Owner: embedded;
// od_signals_close, then the loop must run once more.

#ifndef OD_MAIN_OPERATOR_SIGNALS_H
#define OD_MAIN_OPERATOR_SIGNALS_H

#include <stdbool.h>
#include <uv.h>

#include "base/clock.h"

#define OD_SIGNALS_COUNT 4

struct od_signals_events {
    void (*stop)(void *owner); // Once.
    void (*kill)(void *owner);
    void (*reload)(void *owner);
    void (*upgrade)(void *owner);
};

struct od_signals {
    const struct od_signals_events *events;
    void *owner;
    bool is_stopping;
    od_time_ms stop_ms; // Since then.
    uv_signal_t handles[OD_SIGNALS_COUNT];
};

void od_signals_open(struct od_signals *signals, uv_loop_t *loop,
                     const struct od_signals_events *events, void *owner);
void od_signals_close(struct od_signals *signals); // Signals have their usual meaning again.

#endif
