// The ordered walk over an object's pairs (rows.h): through one range, and at each link down into
// its chain. At most five cursors deep.

#include <string.h>

#include "base/cursor.h"
#include "store/mapped.h"
#include "store/rows.h"

// The bounds as one range sees them: without the pieces that led to it.
struct edge {
    od_slice low;
    od_slice high;
    bool has_high;
};

enum place {
    BEFORE = -1,
    INSIDE = 0, // A link: at least in part.
    BEHIND = 1,
};

struct walk {
    const struct od_rows *rows;
    bool reverse;
    od_rows_visit *visit;
    void *context;
    bool is_done;
    char key[OD_STORE_KEY_BYTES_MAX]; // The pieces that led here.
};

static enum place place_of(const struct edge *edge, od_slice piece, bool is_link)
{
    bool reaches_low = is_link && od_slice_starts_with(edge->low, piece);
    if (!reaches_low && od_slice_compare(piece, edge->low) < 0)
        return BEFORE;
    bool is_behind = edge->has_high && od_slice_compare(piece, edge->high) >= 0;
    return is_behind ? BEHIND : INSIDE;
}

// Bounds that do not begin with [piece] lie outside of its chain and mean nothing there.
static struct edge edge_below(const struct edge *edge, od_slice piece)
{
    struct edge below = {{NULL, 0}, {NULL, 0}, false};
    if (od_slice_starts_with(edge->low, piece))
        below.low = od_slice_from(edge->low, piece.size);
    below.has_high = edge->has_high && od_slice_starts_with(edge->high, piece);
    if (below.has_high)
        below.high = od_slice_from(edge->high, piece.size);
    return below;
}

// To the first row at or behind the low bound, or to the last at or before the high one. A
// neighbour outside may be hit: each row is placed again.
static int seek(const struct walk *walk, MDB_cursor *cursor, const struct od_run *run,
                const struct edge *edge, MDB_val *key, MDB_val *value)
{
    struct od_key built;
    if (!walk->reverse)
        od_key_build(&built, run, edge->low);
    else if (edge->has_high)
        od_key_build(&built, run, edge->high);
    else
        od_key_build_last(&built, run);
    *key = od_env_value(od_key_slice(&built));
    int code = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    if (!walk->reverse || (code == 0 && od_run_has(run, od_env_slice(*key))))
        return code;
    bool at_end = code == MDB_NOTFOUND;
    return at_end || code == 0 ? mdb_cursor_get(cursor, key, value, at_end ? MDB_LAST : MDB_PREV)
                               : code;
}

static int walk_run(struct walk *walk, const struct od_run *run, size_t taken,
                    const struct edge *edge);

static int walk_chain(struct walk *walk, od_slice piece, size_t taken, od_slice link,
                      const struct edge *edge)
{
    struct od_cursor cursor = od_cursor_of(link);
    uint64_t number = od_cursor_u64(&cursor);
    if (cursor.failed || taken + piece.size > sizeof walk->key)
        return MDB_CORRUPTED;
    struct od_run chain = od_run_of_chain(walk->rows->slot, walk->rows->number, number);
    struct edge below = edge_below(edge, piece);
    memcpy(walk->key + taken, piece.at, piece.size);
    return walk_run(walk, &chain, taken + piece.size, &below);
}

static int visit_pair(struct walk *walk, od_slice piece, size_t taken, od_slice value)
{
    od_slice key = piece; // In the first range the key is whole where it stands.
    if (taken > 0) {
        if (taken + piece.size > sizeof walk->key)
            return MDB_CORRUPTED;
        memcpy(walk->key + taken, piece.at, piece.size);
        key = (od_slice){walk->key, taken + piece.size};
    }
    walk->is_done = !walk->visit(walk->context, key, value);
    return 0;
}

static int visit_row(struct walk *walk, od_slice rest, size_t taken, od_slice value,
                     const struct edge *edge)
{
    bool is_link = rest.size > OD_KEY_PIECE_BYTES;
    od_slice piece = {rest.at, is_link ? OD_KEY_PIECE_BYTES : rest.size};
    enum place place = place_of(edge, piece, is_link);
    if (place == INSIDE)
        return is_link ? walk_chain(walk, piece, taken, value, edge)
                       : visit_pair(walk, piece, taken, value);
    walk->is_done = place == (walk->reverse ? BEFORE : BEHIND);
    return 0;
}

static int walk_run(struct walk *walk, const struct od_run *run, size_t taken,
                    const struct edge *edge)
{
    OD_ASSERT(taken <= sizeof walk->key);
    OD_ASSERT(!walk->is_done);
    MDB_cursor *cursor;
    MDB_val key, value;
    int code = od_mapped_cursor_open(walk->rows->txn, walk->rows->data, &cursor);
    if (code != 0)
        return code;
    code = seek(walk, cursor, run, edge, &key, &value);
    while (code == 0 && od_run_has(run, od_env_slice(key))) {
        od_slice rest = od_slice_from(od_env_slice(key), run->size);
        code = visit_row(walk, rest, taken, od_env_slice(value), edge);
        if (code != 0 || walk->is_done)
            break;
        code = mdb_cursor_get(cursor, &key, &value, walk->reverse ? MDB_PREV : MDB_NEXT);
    }
    od_mapped_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

int od_rows_walk(const struct od_rows *rows, enum od_row_kind kind, const struct od_bounds *bounds,
                 bool reverse, od_rows_visit *visit, void *context)
{
    static struct od_run (*const runs[])(od_slot, uint64_t) = {[OD_ROW_PAIR] = od_run_of_pairs,
                                                               [OD_ROW_ALARM] = od_run_of_alarms,
                                                               [OD_ROW_PAGE] = od_run_of_pages};
    OD_ASSERT(kind < sizeof runs / sizeof *runs);
    OD_ASSERT(runs[kind] != NULL); // Chains are walked into from the pairs.
    struct walk walk = {.rows = rows, .reverse = reverse, .visit = visit, .context = context};
    struct od_run run = runs[kind](rows->slot, rows->number);
    struct edge edge = {bounds->low, bounds->high, bounds->has_high};
    return walk_run(&walk, &run, 0, &edge);
}
