// What the loop orders of slots that come and go (intake.h): the part of committer.h about an engine.
#include "store/committer.h"

#include "store/intake.h"

void od_committer_place(struct od_committer *committer, bool takes,
                        const struct od_engine_slot *slots, size_t count)
{
    od_committer_order(committer, takes ? OD_FATE_TAKE : OD_FATE_GIVE,
                       (od_slice){(const char *)slots, count * sizeof *slots});
}

void od_committer_load(struct od_committer *committer, od_slice ids)
{
    OD_ASSERT(ids.size % OD_ID_BYTES == 0);
    od_committer_order(committer, OD_FATE_LOAD, ids);
}

void od_committer_fill(struct od_committer *committer, const od_slot *slots, size_t count)
{
    OD_ASSERT(count <= OD_SLOT_COUNT);
    od_committer_order(committer, OD_FATE_FILL,
                       (od_slice){(const char *)slots, count * sizeof *slots});
}
