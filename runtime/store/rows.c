#include "store/rows.h"

#include "base/bytes.h"
#include "base/cursor.h"
#include "store/mapped.h"

static int get(const struct od_rows *rows, const struct od_run *run, od_slice key, od_slice *value)
{
    struct od_key built;
    od_key_build(&built, run, key);
    MDB_val found, sought = od_env_value(od_key_slice(&built));
    int code = rows->write != NULL ? od_write_get(rows->write, rows->data, sought, &found)
                                   : mdb_get(rows->txn, rows->data, &sought, &found);
    if (code == 0)
        *value = od_env_slice(found);
    return code;
}

static int put(const struct od_rows *rows, const struct od_run *run, od_slice key, od_slice value)
{
    struct od_key built;
    od_key_build(&built, run, key);
    return od_write_put(rows->write, rows->data, od_env_value(od_key_slice(&built)),
                        od_env_value(value));
}

static int remove_row(const struct od_rows *rows, const struct od_run *run, od_slice key)
{
    struct od_key built;
    od_key_build(&built, run, key);
    return od_write_delete(rows->write, rows->data, od_env_value(od_key_slice(&built)));
}

// From [run] into the chain in which [key] goes on.
static int follow(const struct od_rows *rows, struct od_run *run, od_slice key)
{
    od_slice link;
    int code = get(rows, run, key, &link);
    if (code != 0)
        return code;
    struct od_cursor cursor = od_cursor_of(link);
    *run = od_run_of_chain(rows->slot, rows->number, od_cursor_u64(&cursor));
    return cursor.failed ? MDB_CORRUPTED : 0;
}

static int follow_or_make(const struct od_rows *rows, struct od_run *run, od_slice key)
{
    int code = follow(rows, run, key);
    if (code != MDB_NOTFOUND)
        return code;
    uint64_t chain = od_write_number(rows->write);
    struct od_bytes link = {NULL, 0, 0};
    od_bytes_put_u64(&link, chain);
    code = put(rows, run, key, od_bytes_slice(&link));
    od_bytes_deinit(&link);
    *run = od_run_of_chain(rows->slot, rows->number, chain);
    return code;
}

int od_rows_get(const struct od_rows *rows, od_slice key, od_slice *value)
{
    OD_ASSERT(key.size <= OD_STORE_KEY_BYTES_MAX);
    struct od_run run = od_run_of_pairs(rows->slot, rows->number);
    int code = 0;
    for (; code == 0 && key.size > OD_KEY_PIECE_BYTES; key = od_slice_from(key, OD_KEY_PIECE_BYTES))
        code = follow(rows, &run, key);
    return code == 0 ? get(rows, &run, key, value) : code;
}

int od_rows_put(const struct od_rows *rows, od_slice key, od_slice value)
{
    OD_ASSERT(rows->number != 0);
    OD_ASSERT(key.size <= OD_STORE_KEY_BYTES_MAX);
    struct od_run run = od_run_of_pairs(rows->slot, rows->number);
    int code = 0;
    for (; code == 0 && key.size > OD_KEY_PIECE_BYTES; key = od_slice_from(key, OD_KEY_PIECE_BYTES))
        code = follow_or_make(rows, &run, key);
    return code == 0 ? put(rows, &run, key, value) : code;
}

static int run_is_empty(const struct od_rows *rows, const struct od_run *run, bool *is_empty)
{
    MDB_cursor *cursor;
    MDB_val value, key = {run->size, (void *)(uintptr_t)run->bytes};
    int code = od_write_look(rows->write, rows->data, key);
    if (code == 0 && rows->txn == NULL)
        return 0; // A rehearsal has deleted nothing.
    if (code == 0)
        code = mdb_cursor_open(rows->txn, rows->data, &cursor);
    if (code != 0)
        return code;
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    *is_empty = code == MDB_NOTFOUND || (code == 0 && !od_run_has(run, od_env_slice(key)));
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

// A chain that has become empty takes its link with it, up through all the chains above.
static int delete_below(const struct od_rows *rows, const struct od_run *run, od_slice key)
{
    if (key.size <= OD_KEY_PIECE_BYTES)
        return remove_row(rows, run, key);
    struct od_run chain = *run;
    bool is_empty = false;
    int code = follow(rows, &chain, key);
    if (code == 0)
        code = delete_below(rows, &chain, od_slice_from(key, OD_KEY_PIECE_BYTES));
    if (code == 0)
        code = run_is_empty(rows, &chain, &is_empty);
    return code == 0 && is_empty ? remove_row(rows, run, key) : code;
}

int od_rows_delete(const struct od_rows *rows, od_slice key)
{
    OD_ASSERT(rows->number != 0);
    OD_ASSERT(key.size <= OD_STORE_KEY_BYTES_MAX);
    struct od_run run = od_run_of_pairs(rows->slot, rows->number);
    return delete_below(rows, &run, key);
}

// --- Pages ---------------------------------------------------------------------------------------

int od_rows_get_page(const struct od_rows *rows, uint32_t page, od_slice *squeezed)
{
    char room[OD_PAGE_KEY_BYTES];
    struct od_run run = od_run_of_pages(rows->slot, rows->number);
    return get(rows, &run, od_page_key(room, page), squeezed);
}

int od_rows_put_page(const struct od_rows *rows, uint32_t page, od_slice squeezed)
{
    OD_ASSERT(rows->number != 0);
    OD_ASSERT(squeezed.size <= OD_STORE_PAGE_BYTES);
    char room[OD_PAGE_KEY_BYTES];
    struct od_run run = od_run_of_pages(rows->slot, rows->number);
    return put(rows, &run, od_page_key(room, page), squeezed);
}

int od_rows_delete_page(const struct od_rows *rows, uint32_t page)
{
    char room[OD_PAGE_KEY_BYTES];
    struct od_run run = od_run_of_pages(rows->slot, rows->number);
    return remove_row(rows, &run, od_page_key(room, page));
}

// --- All kinds -----------------------------------------------------------------------------------

int od_rows_measure(const struct od_rows *rows, uint64_t rows_max, struct od_measure *measure)
{
    struct od_run run = od_run_of_object(rows->slot, rows->number);
    MDB_cursor *cursor;
    MDB_val value, key = {run.size, run.bytes};
    int code = od_mapped_cursor_open(rows->txn, rows->data, &cursor);
    if (code != 0)
        return code;
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (code == 0 && od_run_has(&run, od_env_slice(key)) && !measure->is_cut) {
        measure->is_cut = measure->rows == rows_max;
        measure->rows += !measure->is_cut;
        measure->bytes += measure->is_cut ? 0 : key.mv_size + value.mv_size;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    od_mapped_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}
