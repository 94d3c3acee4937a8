// Statements of anybody: whatever they are, the database is whole afterwards, inside a part of a
// stretch and outside of one, and what is undone leaves no trace.

#include "fuzz_sql.h"

static const char base[] =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE, y);"
    "CREATE VIRTUAL TABLE f USING fts5 (x); CREATE VIRTUAL TABLE r USING rtree (id, a, b);"
    "INSERT INTO t VALUES (1, 'one', 1), (2, 'two', NULL); INSERT INTO f VALUES ('one two');";

static void expect_whole(struct od_storage *storage)
{
    char text[64] = "";
    enum od_sql_end end =
        fuzz_exec(storage, OD_SLICE("PRAGMA quick_check"), INT64_MAX, text, sizeof text);
    OD_ASSERT(end == OD_SQL_DONE);
    OD_ASSERT(strcmp(text, "ok") == 0);
}

// Pieces are parted by zeros. False: the object would be reset.
static bool run(struct od_storage *storage, od_slice pieces, int64_t until_us)
{
    while (pieces.size > 0) {
        const char *end = memchr(pieces.at, 0, pieces.size);
        size_t size = end == NULL ? pieces.size : (size_t)(end - pieces.at);
        if (fuzz_exec(storage, (od_slice){pieces.at, size}, until_us, NULL, 0) == OD_SQL_BROKEN)
            return false;
        pieces = od_slice_from(pieces, size + (end != NULL));
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct od_storage storage;
    struct od_error err;
    int64_t until_us = od_clock_passed_us() + FUZZ_SQL_MS * 1000;
    uint8_t choice = fuzz_choice(&data, &size);
    char *copy = fuzz_copy(data, size);
    fuzz_storage(&storage);
    OD_ASSERT(fuzz_exec(&storage, OD_SLICE(base), INT64_MAX, NULL, 0) == OD_SQL_DONE);
    if (choice & 1) {
        uint64_t mark = od_storage_begin_part(&storage);
        bool is_whole = run(&storage, (od_slice){copy, size}, until_us);
        if (choice & 2)
            od_storage_undo_part(&storage, mark);
        bool is_kept = od_storage_end_part(&storage, mark, choice & 4, &err);
        if (!is_whole || !is_kept)
            od_storage_discard(&storage);
    } else if (!run(&storage, (od_slice){copy, size}, until_us)) {
        od_storage_discard(&storage);
    }
    if (choice & 8)
        od_storage_rest(&storage);
    expect_whole(&storage);
    free(copy);
    fuzz_storage_end(&storage);
    return 0;
}
