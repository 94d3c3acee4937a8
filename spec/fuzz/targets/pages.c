// A database whose pages are damaged: statements over it fail or do not, and nothing else happens.
//
// An input is changes of a good database: u8 page, u16 where, u8 how many bytes, these bytes.

#include "fuzz_sql.h"

#include "store/limits.h"

static const char base[] =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE, y); CREATE INDEX i ON t (y);"
    "CREATE VIRTUAL TABLE f USING fts5 (x); CREATE VIRTUAL TABLE r USING rtree (id, a, b);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300) "
    "INSERT INTO t SELECT i, i || 'x', zeroblob(i * 20) FROM n;"
    "INSERT INTO f SELECT x || ' word' FROM t; INSERT INTO r VALUES (1, 0, 1), (2, 5, 9);"
    "DELETE FROM t WHERE id % 5 = 0";

static const char *const statements[] = {
    "SELECT count(*), sum(length(y)) FROM t",
    "SELECT * FROM f WHERE f MATCH 'word' ORDER BY rank",
    "SELECT id FROM r WHERE a < 3",
    "INSERT INTO t VALUES (1000, 'new', zeroblob(5000))",
    "UPDATE t SET y = x",
    "INSERT INTO f VALUES ('another word')",
    "DELETE FROM t WHERE id < 200",
    "INSERT INTO f (f) VALUES ('optimize')",
    "DROP TABLE t",
    "CREATE TABLE u (x)",
    "PRAGMA quick_check",
};

static bool damage(struct od_storage *storage, struct od_cursor *changes)
{
    char page[OD_STORE_PAGE_BYTES];
    uint32_t number = od_cursor_u8(changes) % 64 + 1u;
    size_t at = od_cursor_u16(changes) % OD_STORE_PAGE_BYTES;
    od_slice bytes = od_cursor_bytes(changes, od_cursor_u8(changes));
    if (changes->failed || at + bytes.size > OD_STORE_PAGE_BYTES)
        return false;
    bool is_good = od_storage_get_page(storage, number, page);
    OD_ASSERT(is_good);
    if (bytes.size > 0)
        memcpy(page + at, bytes.at, bytes.size);
    od_storage_put_page(storage, number, page);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct od_storage storage;
    char *copy = fuzz_copy(data, size);
    struct od_cursor changes = od_cursor_of((od_slice){copy, size});
    int64_t until_us = od_clock_passed_us() + FUZZ_SQL_MS * 1000;
    fuzz_storage(&storage);
    OD_ASSERT(fuzz_exec(&storage, OD_SLICE(base), INT64_MAX, NULL, 0) == OD_SQL_DONE);
    od_storage_rest(&storage);
    while (!od_cursor_at_end(&changes) && damage(&storage, &changes))
        ;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        (void)fuzz_exec(&storage, od_slice_of(statements[i]), until_us, NULL, 0);
    (void)od_sql_size_bytes(&storage);
    od_storage_seal(&storage); // Walks the list of free pages.
    free(copy);
    fuzz_storage_end(&storage);
    return 0;
}
