// Standing: how this node is seen by the others, as its row in od_node says.
//
//    joining ──can serve──► up ──is to end──► leaving ──has given all away──► left
//       └──────────────────┴───────────────────┴──its beat does not move──► dead
//
// Nothing belongs to a node that is joining: a slot that it was handed would wait there for its
// workers. It beats, is linked, and sees what the others see. Once it can serve it is up, and the
// others hand it what is its, some at a time. One that leaves serves what it has until it has not.
//
// A node that was here before has its row by its name, and gets the number of its next life; all
// it had in the one before is free then. Nobody asks whether that life is over: the data directory,
// where the name is, has only one program at a time (store/lock.h).
//
// Thread: the loop's at the start (od_standing_join), then the member's.

#ifndef OD_CLUSTER_STANDING_H
#define OD_CLUSTER_STANDING_H

#include "cluster/placement.h"
#include "cluster/postgres.h"

// [self] has a name and an address, and gets id and incarnation. It is joining.
OD_MUST_CHECK bool od_standing_join(struct od_postgres *postgres, struct od_cluster_node *self,
                                    struct od_error *err);

// [is_there] is false when that life of it is over for the others.
OD_MUST_CHECK enum od_answer od_standing_beat(struct od_postgres *postgres,
                                              const struct od_cluster_node *self, bool *is_there);

OD_MUST_CHECK enum od_answer od_standing_rise(struct od_postgres *postgres,
                                              const struct od_cluster_node *self);

// This node leaves, or another: from everybody's next look on what it has is theirs.
OD_MUST_CHECK enum od_answer od_standing_leave(struct od_postgres *postgres, od_node_id id,
                                               uint64_t incarnation);

// It ends. What it has still is free.
void od_standing_end(struct od_postgres *postgres, const struct od_cluster_node *self);

enum od_standing od_standing_of(od_slice state); // Of a row of somebody who lives.

#endif
