#include "store/range.h"

#include <string.h>

#include "base/check.h"

// The first key behind all that begin with [prefix]; false when there is none.
static bool put_prefix_end(char *room, od_slice prefix, od_slice *end)
{
    size_t size = prefix.size;
    while (size > 0 && (unsigned char)prefix.at[size - 1] == 0xff)
        size--;
    if (size == 0)
        return false;
    memcpy(room, prefix.at, size);
    room[size - 1] = (char)((unsigned char)room[size - 1] + 1);
    *end = (od_slice){room, size};
    return true;
}

// The first key behind [key] itself.
static od_slice put_successor(char *room, od_slice key)
{
    if (key.size > 0)
        memcpy(room, key.at, key.size);
    room[key.size] = '\0';
    return (od_slice){room, key.size + 1};
}

static void raise_low(struct od_bounds *bounds, od_slice low)
{
    if (od_slice_compare(low, bounds->low) > 0)
        bounds->low = low;
}

static void lower_high(struct od_bounds *bounds, od_slice high)
{
    if (!bounds->has_high || od_slice_compare(high, bounds->high) < 0)
        bounds->high = high;
    bounds->has_high = true;
}

void od_bounds_of(struct od_bounds *bounds, const struct od_range *range)
{
    OD_ASSERT(range->prefix.size <= OD_STORE_KEY_BYTES_MAX);
    OD_ASSERT(!range->has_start_after || range->start_after.size <= OD_STORE_KEY_BYTES_MAX);
    bounds->low = range->prefix;
    bounds->high = (od_slice){NULL, 0};
    bounds->has_high = put_prefix_end(bounds->room[0], range->prefix, &bounds->high);
    if (range->has_start)
        raise_low(bounds, range->start);
    if (range->has_start_after)
        raise_low(bounds, put_successor(bounds->room[1], range->start_after));
    if (range->has_end)
        lower_high(bounds, range->end);
    bounds->is_empty = bounds->has_high && od_slice_compare(bounds->low, bounds->high) >= 0;
}

bool od_bounds_have(const struct od_bounds *bounds, od_slice key)
{
    return od_slice_compare(key, bounds->low) >= 0 &&
           (!bounds->has_high || od_slice_compare(key, bounds->high) < 0);
}
