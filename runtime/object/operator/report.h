// The report of a worker's objects: how many there are, and why those that are awake are awake.
//
// It answers the question every operator has: what keeps this in memory? For each awake object it
// names each task and what that waits for, what waits in its inbox and outbox, or how long it has
// had nothing to do.
//
// A report is bytes, read by main (main/operator/status.h): u32 awake, u32 asleep, u32 sockets, u32
// queued events, u64 bytes the script takes, u64 bytes it may take, u32 open databases, u64 bytes
// these hold, then the first OD_REPORT_OBJECTS_MAX objects that are awake, longest awake first:
// (str label, u64 awake for ms, u32 reasons, (str reason)*)*.

#ifndef OD_OBJECT_OPERATOR_REPORT_H
#define OD_OBJECT_OPERATOR_REPORT_H

#include "object/objects.h"

void od_report_put(struct od_bytes *report, const struct od_objects *objects);

// Of one object: u32 reasons, (str reason)*.
void od_report_put_why(struct od_bytes *report, const struct od_object *object);

#endif
