// The standing of this node in its cluster, as its worker sees it: whether handlers may run, and
// answers leave.
//
// Main notes on the page until when (link/worker_page.h), each time the engine has taken a beat of
// the node. When that has passed another node may be about to take over, so no handler begins;
// requests wait for OD_FROZEN_MS_MAX and are then refused with 503. What a handler has read may be
// old when its turn has taken so long that answers may not leave any more: all that is to be sent
// is held then, until main notes another time, or this process is ended. Main sends TURN when it
// goes on.
//
// Without a cluster the times on the page are 0, and nothing is ever held.
//
// Process: a worker. Owner: embedded in the worker.

#ifndef OD_WORKER_STANDING_H
#define OD_WORKER_STANDING_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/timers.h"

struct od_loop;
struct od_objects;
struct od_worker_page;

struct od_standing {
    struct od_loop *loop;
    struct od_objects *objects;
    const struct od_worker_page *page;
    bool may_run;            // In this turn.
    bool holds;              // What is to be sent.
    od_time_ms frozen_ms;    // Since when no handler may run; 0: they may.
    struct od_timer refusal; // When what waits is refused.
};

void od_standing_init(struct od_standing *standing, struct od_loop *loop,
                      struct od_objects *objects, const struct od_worker_page *page);
void od_standing_deinit(struct od_standing *standing);

// A turn begins: whether handlers may run in it.
bool od_standing_begin_turn(struct od_standing *standing);

// Requests that have waited too long are refused.
void od_standing_turn(struct od_standing *standing);

// At the end of a turn: whether what it caused may leave.
bool od_standing_may_send(struct od_standing *standing);

#endif
