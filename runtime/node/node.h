// The process that speaks with other nodes (README.md).
//
// It serves until main is gone or has closed the link: then all lines end with it.
//
// Process: node, a child of main, confined like a worker.

#ifndef OD_NODE_NODE_H
#define OD_NODE_NODE_H

#include "node/node_inner.h"

// The whole life of that process; [link_fd] leads to main. Returns its exit code.
int od_node_main(const struct od_options *options, int link_fd);

// NODE_WORKER of a line: a worker there has come or gone. False: it makes no sense.
OD_MUST_CHECK bool od_node_receive_worker(struct od_neighbour *neighbour, od_slice body);

// A line was linked, or lost: main hears it, and the other side which workers are here.
void od_node_say_state(struct od_neighbour *neighbour);

#endif
