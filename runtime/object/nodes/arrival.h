// A client arrives whose object is here: an edge (edge.h), at this node or another one, says so.

#ifndef OD_OBJECT_NODES_ARRIVAL_H
#define OD_OBJECT_NODES_ARRIVAL_H

#include <stdint.h>

#include "base/slice.h"

struct od_objects;

// EDGE, of [place]: that socket's client is at an edge there.
void od_arrival_receive(struct od_objects *objects, uint32_t place, od_slice body);

// EDGE_ATTACH, of [place]: a client of an object that is here now. Takes [fd].
void od_arrival_attach(struct od_objects *objects, uint32_t place, od_slice body, int fd);

// The same before this worker has all that the one before it had: the edge comes again.
void od_arrival_refuse(struct od_objects *objects, uint32_t place, od_slice body, int fd);

#endif
