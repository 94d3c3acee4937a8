// The objects of which it is known that their identity is stored, so that it need not be sent with
// each group. Of many objects it is those that were written to last; what it has forgotten is sent
// once more.
//
// Who has been another node's meanwhile may have lost all it had: all is forgotten when slots are
// taken.
//
// Thread: the committer's. Owner: embedded in the engine.

#ifndef OD_CLUSTER_KNOWN_H
#define OD_CLUSTER_KNOWN_H

#include "cluster/limits.h"
#include "store/identity.h"

struct od_known {
    struct od_known_object {
        bool is_there;
        uint8_t id[OD_ID_BYTES];
    } objects[OD_CLUSTER_KNOWN_MAX];
};

bool od_known_has(const struct od_known *known, const uint8_t id[OD_ID_BYTES]);
void od_known_put(struct od_known *known, const uint8_t id[OD_ID_BYTES]);
void od_known_remove(struct od_known *known, const uint8_t id[OD_ID_BYTES]);
void od_known_clear(struct od_known *known);

#endif
