// od_storage_list and its like (storage.h): the object's rows and what lies over them, merged in
// order.

#include <string.h>

#include "base/cursor.h"
#include "store/store_inner.h"

struct listing {
    const struct od_range *range;
    struct od_bounds bounds;
    struct od_overlay_entry *root;       // Of the overlay's tree.
    const struct od_overlay_entry *over; // The next entry of the overlay, within the bounds.
    struct od_bytes *pairs;
    size_t pairs_begin;
    size_t bytes_max;
    uint64_t count_max; // 0: any.
    uint64_t count;
    bool is_cut; // There is more than that.
};

static const struct od_overlay_entry *within(const struct listing *listing,
                                             const struct od_overlay_entry *entry)
{
    return entry != NULL && od_bounds_have(&listing->bounds, od_overlay_key(entry)) ? entry : NULL;
}

static const struct od_overlay_entry *first_over(const struct listing *listing)
{
    const struct od_bounds *bounds = &listing->bounds;
    if (!listing->range->reverse)
        return within(listing, od_overlay_tree_from(listing->root, bounds->low, true));
    const od_slice *high = bounds->has_high ? &bounds->high : NULL;
    return within(listing, od_overlay_tree_before(listing->root, high));
}

// False when the list is complete, or no more fits. One pair always does.
static bool emit(struct listing *listing, od_slice key, od_slice value)
{
    OD_ASSERT(listing->pairs->size >= listing->pairs_begin);
    OD_ASSERT(listing->range->limit == 0 || listing->count < listing->range->limit);
    size_t bytes = listing->pairs->size - listing->pairs_begin + 8 + key.size + value.size;
    bool is_full = bytes > listing->bytes_max || listing->count == listing->count_max;
    listing->is_cut = is_full && listing->count > 0;
    if (listing->is_cut)
        return false;
    od_bytes_put_string(listing->pairs, key);
    od_bytes_put_string(listing->pairs, value);
    listing->count++;
    return listing->range->limit == 0 || listing->count < listing->range->limit;
}

static bool emit_over(struct listing *listing)
{
    OD_ASSERT(listing->over != NULL);
    const struct od_overlay_entry *over = listing->over;
    listing->over = within(listing, od_overlay_tree_next(listing->root, od_overlay_key(over),
                                                         listing->range->reverse));
    return over->is_deleted || emit(listing, od_overlay_key(over), od_overlay_value(over));
}

// One row of LMDB: first what lies before it, then itself or what lies over it.
static bool visit_row(void *context, od_slice key, od_slice value)
{
    struct listing *listing = context;
    int order = -1;
    while (listing->over != NULL) {
        order = od_slice_compare(od_overlay_key(listing->over), key);
        order = listing->range->reverse ? -order : order;
        if (order >= 0)
            break;
        if (!emit_over(listing))
            return false;
    }
    bool is_covered = listing->over != NULL && order == 0;
    return is_covered ? emit_over(listing) : emit(listing, key, value);
}

static bool is_complete(const struct listing *listing)
{
    bool at_limit = listing->range->limit > 0 && listing->count == listing->range->limit;
    return listing->is_cut || at_limit;
}

static bool refuse(struct listing *listing, struct od_error *err)
{
    listing->pairs->size = listing->pairs_begin;
    return od_error_set(err, "list() would return more than %u bytes; use limit and startAfter",
                        OD_STORE_LIST_BYTES_MAX);
}

static bool list(struct od_storage *storage, enum od_row_kind kind, struct listing *listing,
                 struct od_error *err)
{
    bool reverse = listing->range->reverse;
    listing->over = first_over(listing);
    od_storage_walk(storage, kind, &listing->bounds, reverse, visit_row, listing);
    if (od_storage_has_failed(storage, err)) {
        listing->pairs->size = listing->pairs_begin;
        return false;
    }
    while (listing->over != NULL && !is_complete(listing) && emit_over(listing))
        ;
    return true;
}

static bool list_pairs(struct od_storage *storage, struct listing *listing, struct od_error *err)
{
    od_bounds_of(&listing->bounds, listing->range);
    listing->root = storage->overlay != NULL ? storage->overlay->root : NULL;
    listing->pairs_begin = listing->pairs->size;
    return listing->bounds.is_empty || list(storage, OD_ROW_PAIR, listing, err);
}

bool od_storage_list(struct od_storage *storage, const struct od_range *range,
                     struct od_bytes *pairs, uint64_t *count, struct od_error *err)
{
    struct listing listing = {.range = range, .pairs = pairs, .bytes_max = OD_STORE_LIST_BYTES_MAX};
    bool ok = list_pairs(storage, &listing, err);
    *count = listing.count;
    return ok && (!listing.is_cut || refuse(&listing, err));
}

void od_list_pieces_init(struct od_list_pieces *pieces, const struct od_range *range)
{
    OD_ASSERT(range->prefix.size <= OD_STORE_KEY_BYTES_MAX);
    pieces->range = *range;
    pieces->bytes = 0;
    pieces->is_over = false;
}

// From now on the range is what lies behind the last key of [piece].
static void go_behind(struct od_list_pieces *pieces, od_slice piece, uint64_t count)
{
    struct od_range *range = &pieces->range;
    od_slice key = {NULL, 0};
    for (struct od_cursor cursor = od_cursor_of(piece); !od_cursor_at_end(&cursor);) {
        key = od_cursor_string(&cursor);
        (void)od_cursor_string(&cursor);
    }
    OD_ASSERT(key.size <= sizeof pieces->key);
    if (key.size > 0)
        memcpy(pieces->key, key.at, key.size);
    od_slice last = {pieces->key, key.size};
    *(range->reverse ? &range->end : &range->start_after) = last;
    *(range->reverse ? &range->has_end : &range->has_start_after) = true;
    range->limit -= range->limit > 0 ? count : 0;
}

bool od_storage_list_piece(struct od_storage *storage, struct od_list_pieces *pieces,
                           struct od_bytes *pairs, struct od_error *err)
{
    OD_ASSERT(!pieces->is_over);
    struct listing listing = {.range = &pieces->range,
                              .pairs = pairs,
                              .bytes_max = OD_STORE_LIST_PIECE_BYTES,
                              .count_max = OD_STORE_LIST_PIECE_PAIRS};
    if (!list_pairs(storage, &listing, err))
        return false;
    od_slice piece = od_slice_from(od_bytes_slice(pairs), listing.pairs_begin);
    pieces->bytes += piece.size;
    if (pieces->bytes > OD_STORE_LIST_BYTES_MAX)
        return refuse(&listing, err);
    pieces->is_over = !listing.is_cut;
    if (!pieces->is_over)
        go_behind(pieces, piece, listing.count);
    return true;
}

bool od_storage_list_alarms(struct od_storage *storage, struct od_bytes *alarms,
                            struct od_error *err)
{
    struct od_range all = {.limit = 0};
    struct listing listing = {.range = &all,
                              .root = storage->overlay != NULL ? storage->overlay->alarms : NULL,
                              .pairs = alarms,
                              .pairs_begin = alarms->size,
                              .bytes_max = OD_STORE_LIST_BYTES_MAX};
    od_bounds_of(&listing.bounds, &all);
    return list(storage, OD_ROW_ALARM, &listing, err) && (!listing.is_cut || refuse(&listing, err));
}
