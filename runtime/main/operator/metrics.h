// What is counted over the lives of workers: why they ended, and what they had counted themselves
// in their pages (link/meters.h), so that no number ever goes back. main/metrics_answer.h tells it.
//
// Process: main. Owner: embedded in the server; od_metrics_deinit.

#ifndef OD_MAIN_OPERATOR_METRICS_H
#define OD_MAIN_OPERATOR_METRICS_H

#include "main/workers/supervisor.h"

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

#endif
