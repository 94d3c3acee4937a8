#include "sql/copy.h"

#include <string.h>

#include "base/clock.h"
#include "sql/limits.h"
#include "sql/sql.h"
#include "sql/vfs.h"
#include "store/storage.h"

#define CHECK_US 5000000 // The schema of the largest database is read in less.

uint32_t od_sql_copy_page_count(struct od_storage *storage)
{
    return od_storage_has_page(storage, 1) ? od_sql_vfs_count_pages(storage) : 0;
}

bool od_sql_copy_out(struct od_storage *storage, uint32_t first, struct od_bytes *pages,
                     struct od_error *err)
{
    uint32_t count = od_sql_copy_page_count(storage);
    char page[OD_SQL_PAGE_BYTES];
    for (uint32_t i = 0; i < OD_SQL_COPY_PAGES_MAX && first + i <= count; i++) {
        if (!od_sql_vfs_get_page(storage, first + i, page))
            return od_error_set(err, "page %u of its database is damaged on disk", first + i);
        od_bytes_put(pages, page, sizeof page);
    }
    return count > 0 || !od_storage_has_page(storage, 1) ||
           od_error_set(err, "its database is damaged on disk");
}

void od_sql_copy_begin(struct od_storage *storage)
{
    uint32_t count = od_sql_copy_page_count(storage);
    od_storage_rest(storage);
    for (uint32_t i = 1; i <= count; i++) {
        if (od_storage_has_page(storage, i))
            od_storage_delete_page(storage, i);
    }
}

static bool is_zero(const char *bytes, size_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

// What is written as zeros has no row, as free pages have none.
static bool put_page(struct od_storage *storage, uint32_t number, const char *page)
{
    if (!is_zero(page + OD_STORE_PAGE_BYTES, OD_SQL_RESERVED_BYTES))
        return false;
    if (!is_zero(page, OD_STORE_PAGE_BYTES))
        od_storage_put_page(storage, number, page);
    else if (od_storage_has_page(storage, number))
        od_storage_delete_page(storage, number);
    return true;
}

static bool check(struct od_storage *storage, struct od_error *err)
{
    struct od_bytes rows = {0};
    struct od_sql_result result = {.bytes = &rows};
    struct od_sql_query query = {.text = OD_SLICE("SELECT count(*) FROM sqlite_schema"),
                                 .is_trusted = true,
                                 .deadline_us = od_clock_passed_us() + CHECK_US};
    char page[OD_SQL_PAGE_BYTES];
    bool is_file = od_sql_vfs_get_page(storage, 1, page) && od_sql_vfs_is_plain(page) &&
                   od_sql_exec(storage, &query, &result, err) == OD_SQL_DONE;
    od_bytes_deinit(&rows);
    if (is_file)
        return true;
    od_storage_rest(storage);
    od_storage_delete_page(storage, 1);
    return od_error_set(err, "these pages are no database of an object");
}

bool od_sql_copy_in(struct od_storage *storage, uint32_t first, od_slice pages,
                    struct od_error *err)
{
    size_t count = pages.size / OD_SQL_PAGE_BYTES;
    if (first == 0 || count == 0 || count > OD_SQL_COPY_PAGES_MAX ||
        pages.size % OD_SQL_PAGE_BYTES != 0 || first > UINT32_MAX - count)
        return od_error_set(err, "these are no pages");
    od_storage_rest(storage);
    for (uint32_t i = 0; i < count; i++) {
        if (!put_page(storage, first + i, pages.at + (size_t)i * OD_SQL_PAGE_BYTES))
            return od_error_set(err, "page %u is none of a database of an object", first + i);
    }
    return first > 1 || check(storage, err);
}
