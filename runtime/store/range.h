// What a list() asks for: which keys, in which order, how many.
//
// Keys are ordered as unsigned bytes, a shorter one before those it begins. All conditions hold
// together; [reverse] turns the order only, start and end keep their meaning as lower and upper
// bound.

#ifndef OD_STORE_RANGE_H
#define OD_STORE_RANGE_H

#include "base/slice.h"
#include "store/limits.h"

// As a script says it. No slice is longer than a key may be. Zeroed: everything.
struct od_range {
    od_slice prefix;
    od_slice start; // Inclusive.
    od_slice start_after;
    od_slice end; // Exclusive.
    bool has_start;
    bool has_start_after;
    bool has_end;
    bool reverse;
    uint64_t limit; // 0: no limit.
};

// The same as two bounds: [low] inclusive, [high] exclusive.
struct od_bounds {
    od_slice low; // Empty: from the first key.
    od_slice high;
    bool has_high;
    bool is_empty;                            // Nothing can be in it.
    char room[2][OD_STORE_KEY_BYTES_MAX + 1]; // For bounds that are no slice of the range.
};

void od_bounds_of(struct od_bounds *bounds, const struct od_range *range);
bool od_bounds_have(const struct od_bounds *bounds, od_slice key);

#endif
