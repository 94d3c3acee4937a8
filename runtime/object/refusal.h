// A refusal: for a while an object is not run, because running it has cost a worker.
//
// Without it one bad object would take the worker down again as soon as it is back, and all others
// in it would wait each time. Main decides and says for how long (main/workers/quarantine.h).
// Requests and calls to a refused object fail at once with the reason (503); messages of its
// sockets wait, unread in the kernel once there are many, and are handled when the time is over: a
// socket is never the one to pay. What the object would have to be told of sockets that were closed
// while it was gone waits too, unless telling it has cost several workers: then it hears no close
// (main/workers/quarantine.h).
//
// Owner: struct od_objects; an object points to its refusal while there is one.

#ifndef OD_OBJECT_REFUSAL_H
#define OD_OBJECT_REFUSAL_H

#include "object/objects.h"

struct od_refusal;

void od_refusal_receive(struct od_objects *objects, od_slice body); // A message REFUSE.
void od_refusals_deinit(struct od_objects *objects);

// Of the object with that id; NULL, which is usual, when it may run.
struct od_refusal *od_refusal_find(const struct od_objects *objects, const uint8_t *id);
bool od_refusal_hears_no_close(const struct od_refusal *refusal); // NULL: it does.
od_slice od_refusal_why(const struct od_refusal *refusal); // For whoever wants something of it.

#endif
