// od_storage_list and od_storage_list_alarms (storage.h): the object's rows and what lies over
// them, merged in order.

#include "store/store_inner.h"

struct listing {
    const struct od_range *range;
    const struct od_bounds *bounds;
    struct od_overlay_entry *root;       // Of the overlay's tree.
    const struct od_overlay_entry *over; // The next entry of the overlay, within the bounds.
    struct od_bytes *pairs;
    size_t pairs_begin;
    uint64_t count;
    bool is_too_large;
};

static const struct od_overlay_entry *within(const struct listing *listing,
                                             const struct od_overlay_entry *entry)
{
    return entry != NULL && od_bounds_have(listing->bounds, od_overlay_key(entry)) ? entry : NULL;
}

static const struct od_overlay_entry *first_over(const struct listing *listing)
{
    const struct od_bounds *bounds = listing->bounds;
    if (!listing->range->reverse)
        return within(listing, od_overlay_tree_from(listing->root, bounds->low, true));
    const od_slice *high = bounds->has_high ? &bounds->high : NULL;
    return within(listing, od_overlay_tree_before(listing->root, high));
}

// False when the list is complete or too large.
static bool emit(struct listing *listing, od_slice key, od_slice value)
{
    OD_ASSERT(listing->pairs->size >= listing->pairs_begin);
    OD_ASSERT(listing->range->limit == 0 || listing->count < listing->range->limit);
    size_t bytes = listing->pairs->size - listing->pairs_begin + 8 + key.size + value.size;
    listing->is_too_large = bytes > OD_STORE_LIST_BYTES_MAX;
    if (listing->is_too_large)
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
    return listing->is_too_large || at_limit;
}

static bool list(struct od_storage *storage, enum od_row_kind kind, struct listing *listing,
                 struct od_error *err)
{
    bool reverse = listing->range->reverse;
    listing->over = first_over(listing);
    od_storage_walk(storage, kind, listing->bounds, reverse, visit_row, listing);
    if (od_storage_has_failed(storage, err)) {
        listing->pairs->size = listing->pairs_begin;
        return false;
    }
    while (listing->over != NULL && !is_complete(listing) && emit_over(listing))
        ;
    if (!listing->is_too_large)
        return true;
    listing->pairs->size = listing->pairs_begin;
    return od_error_set(err, "list() would return more than %u bytes; use limit and startAfter",
                        OD_STORE_LIST_BYTES_MAX);
}

bool od_storage_list(struct od_storage *storage, const struct od_range *range,
                     struct od_bytes *pairs, uint64_t *count, struct od_error *err)
{
    struct od_bounds bounds;
    od_bounds_of(&bounds, range);
    *count = 0;
    if (bounds.is_empty)
        return true;
    struct listing listing = {.range = range,
                              .bounds = &bounds,
                              .root = storage->overlay != NULL ? storage->overlay->root : NULL,
                              .pairs = pairs,
                              .pairs_begin = pairs->size};
    bool ok = list(storage, OD_ROW_PAIR, &listing, err);
    *count = listing.count;
    return ok;
}

bool od_storage_list_alarms(struct od_storage *storage, struct od_bytes *alarms,
                            struct od_error *err)
{
    struct od_range all = {.limit = 0};
    struct od_bounds bounds;
    od_bounds_of(&bounds, &all);
    struct listing listing = {.range = &all,
                              .bounds = &bounds,
                              .root = storage->overlay != NULL ? storage->overlay->alarms : NULL,
                              .pairs = alarms,
                              .pairs_begin = alarms->size};
    return list(storage, OD_ROW_ALARM, &listing, err);
}
