// What a worker tells an operator of its objects, one by one: who they are, what keeps them awake,
// what waits, what was last. object/operator/report.h is the same about all of them together.
//
// A page of the list: first the objects that live here and have nothing stored, then those that
// failed and are gone, then what is stored, in the order of the directory, with what comes there
// (store/coming.h); or, by its scope, the living ones alone. In a cluster it is what this node has.
// A page looks at OD_INSPECT_ROWS_MAX objects at most, and stops after OD_INSPECT_US_MAX, so that
// nobody waits for it: it may be empty, and there be more. The place where it ends is good for
// ever, also in another life of the worker and when the list has changed. An object that comes and
// goes meanwhile may be met twice or not at all, any other is met.

#ifndef OD_OBJECT_OPERATOR_INSPECTION_H
#define OD_OBJECT_OPERATOR_INSPECTION_H

#include "link/facts.h"
#include "object/call.h"

enum od_inspect_scope {
    OD_INSPECT_ALL,
    OD_INSPECT_LIVING, // With an instance, sockets, events that wait, or errors not long ago.
    OD_INSPECT_AWAKE,  // With an instance.
    OD_INSPECT_SCOPES,
};

enum od_inspect_order { // Of the living ones a page looks at it shows the first by
    OD_INSPECT_ANY,     // nothing,
    OD_INSPECT_SOCKETS,
    OD_INSPECT_QUEUE,
    OD_INSPECT_ERRORS,
    OD_INSPECT_BUSY,
    OD_INSPECT_SLOWEST,
    OD_INSPECT_LAST, // or when their last event was.
    OD_INSPECT_ORDERS,
};

void od_inspection_put(struct od_bytes *facts, struct od_object *object); // One record.

// Answers a call OD_CALL_LIST that is for this worker. [asked]: u8 scope, str namespace (empty:
// any), str beginning of the name, u8 with the bytes stored, u8 order, u32 about how many, str
// where the page before ended (empty: the first). The answer: u32 workers, u64 sum of (slot + 1)
// squared of all slots that this worker has, by which it is seen whether a list is of all slots and
// of each once; str where this one ended (empty: there is no more), facts.
void od_inspection_take(struct od_call *call, od_slice asked);

#endif
