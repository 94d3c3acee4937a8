// One submission on its way through the committer, and what becomes of it.
//
// Private to the layer. Owner: the list it is in.

#ifndef OD_STORE_PENDING_H
#define OD_STORE_PENDING_H

#include "base/list.h"
#include "store/batch.h"

enum od_fate {
    OD_FATE_WRITTEN, // Or to be written.
    OD_FATE_MALFORMED,
    OD_FATE_DAMAGED,     // It would go where the data file is damaged.
    OD_FATE_DISCARDED,   // After one of the same source that failed.
    OD_FATE_ELSEWHERE,   // Its object is not among the slots that the engine lets us have.
    OD_FATE_FORGET,      // No submission: the source is gone.
    OD_FATE_TAKE,        // Nor this: slots come from the engine (struct od_engine_slot), alone.
    OD_FATE_GIVE,        // Or go,
    OD_FATE_LOAD,        // what objects store is to come from there (their ids),
    OD_FATE_FILL,        // or all that slots store,
    OD_FATE_FILL_ALARMS, // or only their alarms.
};

struct od_pending {
    struct od_list link;
    uint32_t source;
    uint32_t generation;
    od_seq seq;
    enum od_fate fate;
    size_t size;
    char batches[];
};

bool od_pending_is_order(const struct od_pending *pending); // About slots or objects.

struct od_pending *od_pending_of(struct od_list *link);
od_slice od_pending_batches(const struct od_pending *pending);
void od_pending_free_all(struct od_list *list);

#endif
