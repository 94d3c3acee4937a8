// Sight: the nodes that live, as this one sees them in od_node.
//
// A node is dead when its beat has been the same for OD_CLUSTER_DEAD_MS of this node's time. That
// time begins with the answer in which the beat was seen first, for it may have been sent while the
// question was on its way; and a pause between two looks counts for OD_CLUSTER_POLL_GAP_MS and no
// more, so that an engine that is slow for all makes nobody dead. Where the engine was away it
// begins anew: who could not beat is given time to. One that is joining or leaving lives and beats,
// too (standing.h).
//
// Thread: the member's. Owner: embedded in the member. All zeros: nobody was seen.

#ifndef OD_CLUSTER_SIGHT_H
#define OD_CLUSTER_SIGHT_H

#include "base/clock.h"
#include "cluster/placement.h"
#include "cluster/postgres.h"

struct od_seen {
    struct od_cluster_node node;
    int64_t beat;
    od_time_ms since_ms; // Its beat has not moved.
};

struct od_sight {
    struct od_seen seen[OD_CLUSTER_NODES_MAX]; // In order of their ids.
    size_t count;
    od_time_ms looked_ms; // The last look began.
    bool was_away;        // Something has failed since.
};

// The engine has not answered.
void od_sight_lose(struct od_sight *sight);

OD_MUST_CHECK enum od_answer od_sight_look(struct od_sight *sight, struct od_postgres *postgres);

// Declares those dead that are, but for [self]. The next look sees what it is about: [has_buried]
// says whether there is anything.
OD_MUST_CHECK enum od_answer od_sight_bury(const struct od_sight *sight,
                                           struct od_postgres *postgres, od_node_id self,
                                           bool *has_buried);

// How long it is until somebody may be dead, but OD_CLUSTER_POLL_MS at most.
od_time_ms od_sight_pause_ms(const struct od_sight *sight);

// NULL: that life of it is over.
const struct od_seen *od_sight_find(const struct od_sight *sight, od_node_id id,
                                    uint64_t incarnation);

// All that live, for the placement.
size_t od_sight_nodes(const struct od_sight *sight, struct od_cluster_node *nodes);

#endif
