// What a worker has because there are other nodes. Of a program that is alone it is empty.
//
// Owner: the worker; struct od_objects points to the parts.

#ifndef OD_OBJECT_NODES_NODES_H
#define OD_OBJECT_NODES_NODES_H

#include "object/nodes/early.h"
#include "object/nodes/edge.h"
#include "object/nodes/removal.h"

struct od_nodes {
    struct od_edges edges;
    struct od_early early;
    struct od_removal removal;
};

void od_nodes_init(struct od_nodes *nodes, struct od_objects *objects);
void od_nodes_deinit(struct od_objects *objects); // Behind the objects, which may tell an edge.

#endif
