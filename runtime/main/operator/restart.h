// Restarts: single workers that an operator replaces, with `open-do restart-worker N`.
//
// The worker hands over all it has (worker/parting.h) and ends; the one in its place goes on with
// it. Whoever asked hears when that is back.
//
// Process: main. Owner: embedded in the server; questions are answered in od_restarts_deinit at the
// latest.

#ifndef OD_MAIN_OPERATOR_RESTART_H
#define OD_MAIN_OPERATOR_RESTART_H

#include "main/operator/control.h"
#include "main/workers/supervisor.h"

struct od_restarts {
    struct od_supervisor *supervisor;
    struct od_control_question **questions; // By worker; NULL: nobody waits for it.
};

void od_restarts_init(struct od_restarts *restarts, struct od_supervisor *supervisor);
void od_restarts_deinit(struct od_restarts *restarts);

// [number] is what was said of a worker. Not while a reload runs.
void od_restarts_ask(struct od_restarts *restarts, struct od_control_question *question,
                     od_slice number);

// [child] is calm: it is replaced, if somebody has asked for that.
void od_restarts_calm(struct od_restarts *restarts, struct od_child *child);

// A worker is back, which may be one that was asked for; [text] says how.
void od_restarts_back(struct od_restarts *restarts, const struct od_child *child, od_slice text);

#endif
