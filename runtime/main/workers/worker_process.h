// A worker process: one life of a child, from its start to the moment its place is empty again.
//
// The drawing is in child.h. A life begins with a page, a link, direct links to all other workers,
// and whatever the owner of the supervisor puts on its link first. How it ends does not matter:
// what it held comes back from main and the disk, and the next life begins at once, or after a
// pause that grows while lives are short.
//
// Process: main. Nobody but the supervisor calls this.

#ifndef OD_MAIN_WORKERS_WORKER_PROCESS_H
#define OD_MAIN_WORKERS_WORKER_PROCESS_H

#include "main/workers/child.h"

// Begins one in the empty place of [child].
OD_MUST_CHECK bool od_worker_process_start(struct od_child *child, struct od_error *err);

void od_worker_process_kill(
    struct od_child *child); // SIGKILL; its end is seen later. Nothing without one.
void od_worker_process_reap(struct od_child *child); // A process has ended: perhaps this one.

void od_worker_process_start_later(struct od_child *child); // At once after a planned end.

// Is the place empty now? Then the next life begins, unless the program ends.
void od_worker_process_empty_place(struct od_child *child);

#endif
