#include "object/parts/share.h"

#include "base/check.h"
#include "object/limits.h"

void od_share_begin(struct od_share *share, uint64_t turn)
{
    OD_ASSERT(share->turn <= turn);
    OD_ASSERT(share->owed_us >= 0);
    if (share->turn == turn)
        return;
    share->turn = turn;
    share->events = 0;
    // This turn is part of what it makes up for.
    share->owed_us -= OD_TURN_OBJECT_US;
    share->used_us = share->owed_us >= 0 ? OD_TURN_OBJECT_US : 0;
    if (share->owed_us < 0)
        share->owed_us = 0;
}

bool od_share_is_left(const struct od_share *share)
{
    return share->events < OD_TURN_EVENTS_MAX && share->used_us < OD_TURN_OBJECT_US;
}

void od_share_use(struct od_share *share, int64_t us)
{
    OD_ASSERT(share->owed_us == 0);
    share->events++;
    share->used_us += us;
    int64_t overrun_us = share->used_us - OD_TURN_OBJECT_US;
    if (overrun_us > 0)
        share->owed_us = overrun_us < OD_TURN_OWED_US_MAX - OD_TURN_OBJECT_US
                             ? (int32_t)overrun_us
                             : OD_TURN_OWED_US_MAX - OD_TURN_OBJECT_US;
}
