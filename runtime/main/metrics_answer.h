// The answer to the question "metrics" of the control socket, as facts (link/facts.h): all that
// main knows and workers have counted (main/operator/metrics.h).
//
// The first record is main's own, then there is one for each worker. No worker is asked, so also
// one that is stuck is counted.
//
// Process: main.

#ifndef OD_MAIN_METRICS_ANSWER_H
#define OD_MAIN_METRICS_ANSWER_H

#include "main/server_inner.h"

void od_metrics_answer(struct od_server *server, struct od_control_question *question);

#endif
