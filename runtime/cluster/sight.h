// Sight: the nodes that live, as this one sees them in od_node.
//
// A node is dead when its beat has been the same for OD_CLUSTER_DEAD_MS of this node's time, over
// looks without a gap. One that is joining or leaving lives and beats, too (standing.h).
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
    od_time_ms looked_ms;
};

OD_MUST_CHECK enum od_answer od_sight_look(struct od_sight *sight, struct od_postgres *postgres);

// Declares those dead that are, but for [self]. The next look sees what it is about: [has_buried]
// says whether there is anything.
OD_MUST_CHECK enum od_answer od_sight_bury(const struct od_sight *sight,
                                           struct od_postgres *postgres, od_node_id self,
                                           bool *has_buried);

// NULL: that life of it is over.
const struct od_seen *od_sight_find(const struct od_sight *sight, od_node_id id,
                                    uint64_t incarnation);

// All that live, for the placement.
size_t od_sight_nodes(const struct od_sight *sight, struct od_cluster_node *nodes);

#endif
