// A neighbour: another node of the cluster, in the seat that main has given it.
//
// Of two nodes the one with the lower id dials, and dials again, a little later each time. What
// cannot be linked is logged once, until it is something else that is in the way.
//
// Owner: the node's seats.

#ifndef OD_NODE_NEIGHBOUR_H
#define OD_NODE_NEIGHBOUR_H

#include "node/node_inner.h"

// Who has that seat from now on; an id of 0: nobody. A line with another, or with a former life of
// it, is cut.
void od_neighbour_set(struct od_node *node, uint32_t seat, uint32_t id, uint64_t life,
                      od_slice address);

struct od_neighbour *od_neighbour_find(struct od_node *node, uint32_t id); // NULL: unknown.

// The line has proved that it is of [neighbour], and takes the place of an earlier one.
void od_neighbour_linked(struct od_neighbour *neighbour, struct od_line *line);

// One of its lines is over: the one that was linked, or one that was dialled.
void od_neighbour_unlinked(struct od_neighbour *neighbour, struct od_line *line, const char *why);

void od_neighbours_start(struct od_node *node); // This node knows who it is.
void od_neighbours_close(struct od_node *node);

#endif
