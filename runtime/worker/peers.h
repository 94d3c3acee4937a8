// The other workers as this one sees them: a link to each, here and in other nodes, and what they
// say to each other.
//
// Main makes the links (PEER) and tells when the other has ended (PEER_ENDED). What a peer says
// becomes an event or a fact for the turn; whatever is not for a worker is refused.
//
// Process: a worker; Thread: the loop's. Owner: the worker's list; od_peer_forget, and it is freed
// when its link is closed.

#ifndef OD_WORKER_PEERS_H
#define OD_WORKER_PEERS_H

#include "worker/worker_inner.h"

struct od_peer {
    struct od_link link;
    struct od_list in_worker;
    struct od_worker *worker;
    uint32_t place; // Its number, or beyond them when it is of another node (object/places.h).
};

void od_peer_forget(struct od_peer *peer); // Its streams end. The rest is told by PEER_ENDED.

// From main: PEER, which takes [fd], and PEER_ENDED.
void od_peers_receive(struct od_worker *worker, od_slice body, int fd);
void od_peers_receive_ended(struct od_worker *worker, od_slice body, int fd);

#endif
