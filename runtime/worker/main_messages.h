// What main says to this worker: from a message to the module it is for (peers.h: other workers).
//
// One table of what main may send; whatever is not in it is refused. Nothing here runs Lua: what a
// message brings becomes an event or a fact for the turn.
//
// Process: a worker; Thread: the loop's.

#ifndef OD_WORKER_MAIN_MESSAGES_H
#define OD_WORKER_MAIN_MESSAGES_H

#include "worker/worker_inner.h"

extern const struct od_link_events od_main_messages_events; // Of the link to main.

void od_main_messages_say_failed(struct od_worker *worker,
                                 const char *why); // LOAD_FAILED, at once.

void od_main_messages_connection_left(struct od_worker *worker, uint32_t place); // CONNECTION_LEFT

// STATUS_REPORT: what the worker's objects do.
void od_main_messages_report(struct od_worker *worker, uint64_t question);

#endif
