// Placement: which node has which slot, as this node knows it, and who the nodes are.
//
// A slot is HERE when this node owns it, and no worker has anything of an earlier time in which it
// was here: only then may an event reach its objects. While it is filling, what an object stores is
// loaded before its first event. It is THERE when another node owns it, and NOWHERE in between:
// nobody has claimed it yet, or it is on its way. What is said of THERE may be out of date by some
// seconds; who is asked wrongly says so. The epoch goes up with each new owner, so of two who claim
// to know the owner of a slot the one with the higher epoch is right.
//
// One machine without a cluster: all slots are HERE with epoch 0, and nothing ever changes.
//
// The struct keeps what the engine's driver (cluster.h) learns; who wants to be told of it sets
// [events]. Listeners hear of a change when it is in the struct already.
//
// Process: main. Thread: the loop's. Owner: embedded in the server.

#ifndef OD_CLUSTER_PLACEMENT_H
#define OD_CLUSTER_PLACEMENT_H

#include <stdbool.h>

#include "base/check.h"
#include "store/slot.h"

#define OD_CLUSTER_ID_BYTES 32       // Of text, without its end.
#define OD_CLUSTER_ADDRESS_BYTES 128 // "10.0.0.7:8790", "[::1]:8790".
#define OD_CLUSTER_NAME_BYTES 64
#define OD_CLUSTER_NODES_MAX 256

typedef uint32_t od_node_id; // Never used again for another node; 0: none.

enum od_place {
    OD_PLACE_NOWHERE,
    OD_PLACE_HERE,
    OD_PLACE_THERE,
};

struct od_placed_slot {
    enum od_place place;
    bool is_filling; // HERE, but LMDB does not have all it stores yet.
    od_node_id node; // The owner; 0: NOWHERE.
    uint64_t epoch;
};

enum od_standing { // See standing.h.
    OD_STANDING_UP,
    OD_STANDING_JOINING, // It cannot serve yet: nothing is its.
    OD_STANDING_LEAVING, // It is about to end: nothing is its any more.
};

// A node that lives, as far as the engine knows.
struct od_cluster_node {
    od_node_id id;
    uint64_t incarnation; // Of its lives, from 1 up.
    enum od_standing standing;
    char name[OD_CLUSTER_NAME_BYTES];       // For people.
    char address[OD_CLUSTER_ADDRESS_BYTES]; // Where it takes links from other nodes; "" none.
    uint32_t loaded; // The last version of the script that it could serve; 0: none yet (ballot.h).
};

struct od_placement_events {
    void (*slot_changed)(void *owner, od_slot slot, const struct od_placed_slot *before);
    void (*nodes_changed)(void *owner); // A node has come, gone, or has another address.
};

struct od_placement {
    bool is_cluster;
    char cluster_id[OD_CLUSTER_ID_BYTES + 1];
    struct od_cluster_node self;                        // id 0: it has not joined.
    struct od_cluster_node nodes[OD_CLUSTER_NODES_MAX]; // In order of their ids; self among them.
    size_t node_count;
    struct od_placed_slot slots[OD_SLOT_COUNT];
    const struct od_placement_events *events; // NULL: nobody listens.
    void *owner;
};

// Without a cluster all is HERE; with one, NOWHERE.
void od_placement_init(struct od_placement *placement, bool is_cluster);

bool od_placement_is_here(const struct od_placement *placement, od_slot slot);

// NULL: no such node lives.
const struct od_cluster_node *od_placement_node(const struct od_placement *placement,
                                                od_node_id id);

// For the driver: what it has learnt. [nodes] in order of their ids, at most OD_CLUSTER_NODES_MAX.
void od_placement_put_slot(struct od_placement *placement, od_slot slot,
                           const struct od_placed_slot *placed);
void od_placement_put_nodes(struct od_placement *placement, const struct od_cluster_node *nodes,
                            size_t count);

// Whether of [nodes] one beside [self] is up or will be: what [self] has can be had by others.
bool od_placement_has_heirs(const struct od_cluster_node *nodes, size_t count, od_node_id self);

// To whom [slot] belongs among those of [nodes] that are up: the one with the highest hash of both,
// so that another node takes only what will be its own from the others; 0: none is.
od_node_id od_placement_rendezvous(const struct od_cluster_node *nodes, size_t count, od_slot slot);

#endif
