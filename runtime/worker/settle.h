// Whether a worker has come to rest: the answer to what a test asks after it has turned the clock.
//
// Process: a worker; Thread: the loop's.

#ifndef OD_WORKER_SETTLE_H
#define OD_WORKER_SETTLE_H

#include "worker/worker_inner.h"

// Once a turn, before messages leave: answers the questions that wait for it when there is no event
// to deliver, no timer due, no effect that waits, no call to another worker and no write on its
// way.
void od_settle_turn(struct od_worker *worker);

#endif
