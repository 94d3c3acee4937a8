// A slot that this node gives up, to another or to whom it belongs.
//
// Thread: the member's.

#ifndef OD_CLUSTER_GIFT_H
#define OD_CLUSTER_GIFT_H

#include "cluster/placement.h"
#include "cluster/postgres.h"

struct od_gift {
    od_slot slot;
    od_node_id to; // 0, or one that does not live: whoever claims it.
};

// Those of [gifts] that [self] still has are of their heirs from then on.
OD_MUST_CHECK enum od_answer od_gifts_send(struct od_postgres *postgres,
                                           const struct od_cluster_node *self,
                                           const struct od_gift *gifts, size_t count);

#endif
