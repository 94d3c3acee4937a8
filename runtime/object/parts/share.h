// The share an object has in a turn: so many events, and so much time, before others have a go.
//
// One event may take longer than a whole share. Then its object sits out as many turns as that was
// worth, up to a bound.
//
// Owner: its object embeds it.

#ifndef OD_OBJECT_PARTS_SHARE_H
#define OD_OBJECT_PARTS_SHARE_H

#include <stdbool.h>
#include <stdint.h>

struct od_share {
    uint64_t turn;   // The last one in which it had something to do,
    int64_t used_us; // what it has used in that,
    uint32_t events;
    int32_t owed_us; // and by how much it has overrun its time.
};

// It has something to do in [turn]; again in the same turn: what was used is used.
void od_share_begin(struct od_share *share, uint64_t turn);
bool od_share_is_left(const struct od_share *share);
void od_share_use(struct od_share *share, int64_t us); // One event has taken so long.

#endif
