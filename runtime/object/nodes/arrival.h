// A client arrives whose object is here: an edge (edge.h), at this node or another one, says so.

#ifndef OD_OBJECT_NODES_ARRIVAL_H
#define OD_OBJECT_NODES_ARRIVAL_H

#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

struct od_objects;

// EDGE, of [place]: that socket's client is at an edge there.
void od_arrival_receive(struct od_objects *objects, uint32_t place, od_slice body);

// EDGE_ATTACH, of [place]: a client of an object that is here now, or soon (early.h). False: it is
// not, or has no room; [fd] is still the caller's.
OD_MUST_CHECK bool od_arrival_attach(struct od_objects *objects, uint32_t place, od_slice body,
                                     int fd);

// The edge hears that the object is not here, and looks where it is. Takes [fd].
void od_arrival_refuse(struct od_objects *objects, uint32_t place, od_slice body, int fd);

#endif
