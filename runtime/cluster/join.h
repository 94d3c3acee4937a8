// Joining: the row of this node in od_node.
//
// A node that was here before has its row by its name, and gets the number of its next life; all
// it had in the one before is free then. Nobody asks whether that life is over: the data directory,
// where the name is, has only one program at a time (store/lock.h).
//
// Thread: the loop's, at the start.

#ifndef OD_CLUSTER_JOIN_H
#define OD_CLUSTER_JOIN_H

#include "cluster/placement.h"
#include "cluster/postgres.h"

// [self] has a name and an address, and gets id and incarnation.
OD_MUST_CHECK bool od_cluster_join(struct od_postgres *postgres, struct od_cluster_node *self,
                                   struct od_error *err);

#endif
