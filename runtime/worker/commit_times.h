// How long the worker's writes take, from the end of the turn that made them until they are on
// disk.
//
// Owner: embedded in the worker.

#ifndef OD_WORKER_COMMIT_TIMES_H
#define OD_WORKER_COMMIT_TIMES_H

#include "link/meters.h"

#define OD_COMMITS_TIMED_MAX 64 // More on their way at once are not looked at.

struct od_commit_times {
    struct {
        uint64_t seq;
        int64_t left_us;
    } on_way[OD_COMMITS_TIMED_MAX]; // A ring, oldest first.
    uint32_t first, count;
};

void od_commit_times_left(struct od_commit_times *times, uint64_t seq);
void od_commit_times_durable(struct od_commit_times *times, uint64_t seq,
                             struct od_meter_times *meter);

#endif
