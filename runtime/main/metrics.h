// What the program counts, for those who watch it: the answer to the question "metrics" of the
// control socket, as facts (object/facts.h). It is read from memory that main has, and no worker is
// asked: also one that is stuck is counted.
//
// The first record is main's own, then there is one for each worker: all that its lives have
// counted, so that numbers never go back.
//
// Process: main. Owner: embedded in the server; od_metrics_deinit.

#ifndef OD_MAIN_METRICS_H
#define OD_MAIN_METRICS_H

#include "main/control.h"
#include "main/supervisor.h"

struct od_server;

enum od_death {      // Why a worker has ended.
    OD_DEATH_STUCK,  // It did not go on, and was killed.
    OD_DEATH_KILLED, // By somebody else.
    OD_DEATH_CRASH,
    OD_DEATH_EXIT, // Its memory was full, say.
    OD_DEATH_COUNT,
};

struct od_metrics {
    uint64_t deaths[OD_DEATH_COUNT];
    struct od_meters *past; // By worker: of lives that are over.
};

void od_metrics_init(struct od_metrics *metrics, uint32_t worker_count);
void od_metrics_deinit(struct od_metrics *metrics);

// Its page can still be read.
void od_metrics_worker_ended(struct od_metrics *metrics, const struct od_child *child,
                             const struct od_ending *how);

void od_metrics_answer(struct od_server *server, struct od_control_question *question);

#endif
