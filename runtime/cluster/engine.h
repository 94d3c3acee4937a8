// PostgreSQL as the engine behind the committer (store/engine.h).
//
// A group is one statement: it raises seq of the slots that still have the epoch with which they
// were claimed, and writes rows of these alone. A slot that is missing in its answer has another
// owner.
//
// When the answer is lost, the outcome is found out and never guessed: the slots of the group get a
// new epoch, so that nothing of it can land any more; then seq says whether it had. What has not
// landed is sent again. A seq that has gone back means that the engine has lost what it had
// confirmed; then nothing is written any more.
//
// Thread: the committer's. Owner: embedded in the cluster.

#ifndef OD_CLUSTER_ENGINE_H
#define OD_CLUSTER_ENGINE_H

#include "cluster/filling.h"
#include "cluster/known.h"
#include "cluster/placement.h"

struct od_held_slot {
    uint64_t epoch; // 0: it is not ours.
    uint64_t seq;
};

struct od_cluster_engine {
    struct od_engine engine; // The first, so that one is the other.
    struct od_postgres postgres;
    od_node_id node;
    uint64_t incarnation;
    struct od_held_slot held[OD_SLOT_COUNT];
    struct od_known known;
    struct od_filling filling;
    int stop_fd;
};

void od_cluster_engine_init(struct od_cluster_engine *engine, const char *url, int stop_fd);
void od_cluster_engine_deinit(struct od_cluster_engine *engine);

#endif
