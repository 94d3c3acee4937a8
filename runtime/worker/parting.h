// Parting: a worker hands over all it has to the one in its place, and ends. Nobody is closed.
//
//   AWAIT_CALM ──► it serves on, until what takes long has ended ──► CALM
//   LEAVE ──► nothing is read but bodies that are waited for; what runs may end ──► STILL
//   PART  ──► each socket becomes a record: what was read and not handled, what was put and has not
//             left; then the process ends without a farewell, which would close the connections.
//
// Requests that have not begun lie on the page already (link/unbegun.h), and calls of other workers
// are made anew by them (object/call_sent.h). What still runs when the bound is over ends with the
// worker, as if that had died: its requests are answered 503, its sockets closed with 1012.
//
// Nobody is read between LEAVE and the life of the next one, so it begins when it can be short.
//
// Between the last two main waits until all workers that leave are still: a handler may call an
// object of another one, which must be there then.
//
// Process: a worker; Thread: the loop's. Owner: embedded in the worker.

#ifndef OD_WORKER_PARTING_H
#define OD_WORKER_PARTING_H

#include "worker/worker_inner.h"

void od_parting_await_calm(struct od_worker *worker, od_time_ms ms);  // AWAIT_CALM
void od_parting_begin(struct od_worker *worker, od_time_ms bound_ms); // LEAVE
void od_parting_allow(struct od_worker *worker);                      // PART

void od_parting_turn(struct od_worker *worker); // At the end of each turn.

// Hands over what can go on, whatever runs, and ends the process.
OD_NORETURN void od_parting_end(struct od_worker *worker, enum od_exit exit);

#endif
