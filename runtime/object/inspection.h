// What a worker tells an operator of its objects, one by one: who they are, what keeps them awake,
// what waits. object/report.h is the same about all of them together.
//
// A page of the list: the objects that are stored, in the order of the directory, of which a page
// looks at OD_INSPECT_ROWS_MAX at most, so that nobody waits for it; before them, on the first
// page, those that live here and have nothing stored.

#ifndef OD_OBJECT_INSPECTION_H
#define OD_OBJECT_INSPECTION_H

#include "object/facts.h"
#include "object/objects.h"

void od_inspection_put(struct od_bytes *facts, struct od_object *object); // One record.

// The body of an INSPECT: u64 call, str namespace (empty: any), str beginning of the name, u8 only
// those with an instance, u32 how many, str where the page before ended (empty: the first). The
// answer: str where this one ended (empty: there is no more), facts.
void od_inspection_receive(struct od_objects *objects, od_slice body);

#endif
