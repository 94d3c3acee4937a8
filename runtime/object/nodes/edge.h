// An edge: a client's WebSocket here whose object lives at another node.
//
// The client stays with the worker that has answered its request: handshake, masks, compression and
// pings are between these two. A second WebSocket, whose client we are, leads to the object's
// socket there (remote.h), and messages and closes go from one to the other.
//
//   OPEN ──its way has ended──► LOST ──the owner's node is lost, or has given the object away──┐
//     ▲                          └──the object has cut it, or nothing is known in time──► over │
//     │                                                                                        ▼
//     └────────── its next owner is known: EDGE_ATTACH, with tags and attachment ────────── SEEKING
//
// Who gives an object away says who has it next: the edge goes there at once, and waits there
// (early.h).
//
// If something is under way when it is lost, a message that is not known to be handled, or tags and
// an attachment that have not come, the client hears a Close 1012; and so does one whose object has
// no owner for OD_EDGE_SEEKS_MS_MAX. While it has no way nothing is read of the client: what it
// sends waits with the kernel.
//
// Owner: struct od_edges has a list of all. What is over is freed once a turn, as an event of a
// WebSocket must not free it.

#ifndef OD_OBJECT_NODES_EDGE_H
#define OD_OBJECT_NODES_EDGE_H

#include "base/bytes.h"
#include "base/list.h"
#include "base/map.h"

struct od_object;
struct od_objects;

struct od_edges {
    struct od_list all;
    struct od_list busy;     // Those of which an end is not read, and those that are over.
    struct od_list waste;    // Ends that are over.
    struct od_map by_number; // Their WebSockets.
};

// From now on [edges] are those of [objects] (edge_keeper.h).
void od_edges_init(struct od_edges *edges, struct od_objects *objects);
void od_edges_deinit(struct od_objects *objects);

// [object] goes to another node: clients of it that are here, and at rest, become edges, and those
// that are at edges are left to these. All others stay.
void od_edges_take(struct od_object *object);

// Of [place]: EDGE_FACTS and EDGE_GONE.
void od_edge_receive_facts(struct od_objects *objects, uint32_t place, od_slice body);
void od_edge_receive_gone(struct od_objects *objects, uint32_t place, od_slice body);

// News of one of its two WebSockets.
void od_edge_message(void *holder, od_slice payload, bool is_binary);
void od_edge_closed(void *holder, uint16_t code, od_slice reason, bool was_clean);
void od_edge_pong(void *holder, od_slice payload);

// The link to [place] is there, or has ended.
void od_edges_peer(struct od_objects *objects, uint32_t place);
void od_edges_peer_gone(struct od_objects *objects, uint32_t place);

void od_edges_moved(struct od_objects *objects); // Objects are elsewhere: who seeks may find.
void od_edges_turn(struct od_objects *objects);  // Once a turn, before what was put is flushed.
void od_edges_close(struct od_objects *objects, uint16_t code, od_slice reason);

#endif
