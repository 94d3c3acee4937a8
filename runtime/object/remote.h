// A socket whose client is at another node: what its object's side tells the edge (nodes/edge.h),
// that keeps the client.
//
// The socket itself is like any other: a connection, which happens to be a pair of descriptors with
// a tunnel in between (node/tunnel.h). The edge has to know what the next owner of the object will
// need, so it is told tags and attachment whenever they change, with a number. And it has to know
// whether something is under way: behind each message it sends a mark, as a pong, and the mark goes
// back, as a pong, once nothing of what came before it is under way any more and its answers have
// left. It comes with the number of the facts as of then. A mark counts the messages of the client,
// so that an owner who gives the object away can say which the next one is to be sent again.
//
// Owner: its socket; NULL in all others.

#ifndef OD_OBJECT_REMOTE_H
#define OD_OBJECT_REMOTE_H

#include "base/bytes.h"

struct od_objects;
struct od_socket;

struct od_remote {
    uint32_t place; // Of the worker that has the edge (places.h),
    uint64_t edge;  // and its number there.
    uint64_t count; // So many messages have come in all, also to owners before;
    bool counts;    // which is known since a mark.
    uint64_t mark;  // The last that came,
    uint64_t said;  // and that went back.
    uint64_t facts; // So many were told;
    uint64_t facts_said;
};

// Its client is at the [edge] at [place] from now on, which is told its facts.
void od_remote_set(struct od_socket *socket, uint32_t place, uint64_t edge);

// Of any socket: its facts have changed; it is gone, or [has_moved], with its object, elsewhere.
void od_remote_tell_facts(struct od_socket *socket);
void od_remote_gone(struct od_socket *socket, bool has_moved);

// The edge of [remote] hears that there is no such socket, or not here any more: but at [next].
void od_remote_say_gone(struct od_objects *objects, const struct od_remote *remote, bool has_moved,
                        uint32_t next);

// This worker ends for good: the socket is left to its edge. False: it has none, or is not at rest.
bool od_remote_leave(struct od_socket *socket);

void od_remote_counted(struct od_socket *socket);               // A message has come.
void od_remote_marked(struct od_socket *socket, od_slice mark); // A pong has come.
void od_remote_rests(struct od_socket *socket);                 // Nothing of it is under way.

#endif
