// Who sits where: what workers here and the process for other nodes are told of each other. Part of
// node_process.h, and for node_process.c only.

#ifndef OD_MAIN_NODES_NODE_SEATS_H
#define OD_MAIN_NODES_NODE_SEATS_H

#include "main/nodes/node_process.h"

void od_node_seats_tell_all(struct od_node_process *nodes); // The process is ready: all there is.
void od_node_seats_lose_all(struct od_node_process *nodes); // It has ended, and with it all lines.

// From it: NODE_STATE and NODE_WORKER.
void od_node_seats_take_state(struct od_node_process *nodes, od_slice body);
void od_node_seats_take_worker(struct od_node_process *nodes, od_slice body);

#endif
