// Slots come and go: main says which is where (places.h), and here is all that follows from it.
//
// Calls that wait go where their objects are now, clients get their sockets, objects that waited
// for their slot go on, and those whose slot has gone are removed (removal.h).

#ifndef OD_OBJECT_NODES_SLOTS_H
#define OD_OBJECT_NODES_SLOTS_H

#include "object/objects.h"

// SLOTS. False: it makes no sense.
OD_MUST_CHECK bool od_slots_receive(struct od_objects *objects, od_slice body);

#endif
