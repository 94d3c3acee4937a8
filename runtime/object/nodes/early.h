// Early clients: WebSockets that other workers have kept for objects on their way here.
//
// Who gives an object away says who is to have it next, and the edges of its clients (edge.h) go
// there at once, mostly before the object does. So they are there before its first event, and what
// that tells all sockets reaches them. A client whose object goes elsewhere, or has not come within
// OD_EARLY_MS_MAX, goes back to its edge, which looks for it.
//
// Owner: struct od_nodes embeds struct od_early.

#ifndef OD_OBJECT_NODES_EARLY_H
#define OD_OBJECT_NODES_EARLY_H

#include "base/list.h"
#include "base/slice.h"
#include "base/timers.h"

struct od_objects;

struct od_early {
    struct od_list all; // In the order in which they came.
    size_t count;
    struct od_timer timer;
    struct od_objects *objects;
};

void od_early_init(struct od_early *early, struct od_objects *objects);
void od_early_deinit(struct od_objects *objects);

// EDGE_ATTACH, of [place]: the client gets its socket (arrival.h) now, or waits for its object, or
// is refused. Takes [fd].
void od_early_arrive(struct od_objects *objects, uint32_t place, od_slice body, int fd);

// Slots are elsewhere: whose object is here now gets its socket.
void od_early_welcome(struct od_objects *objects);

#endif
