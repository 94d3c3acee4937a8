#include "sql/birth.h"

#include <stdlib.h>
#include <string.h>

#include "sql/limits.h"
#include "sql/vfs.h"

struct birth {
    char *text; // NULL: none.
    size_t size;
    uint64_t rows_read;
    uint32_t page_count;
    char *pages; // OD_SQL_PAGE_BYTES each.
};

static struct birth births[OD_SQL_BIRTHS_MAX];
static uint32_t next; // To be replaced.

bool od_sql_birth_is_near(struct od_storage *storage, const struct od_sql_query *query)
{
    return storage->pager == NULL && storage->parts == 0 && query->binding_count == 0 &&
           !query->is_trusted && !query->is_read_only &&
           query->text.size <= OD_SQL_BIRTH_TEXT_BYTES_MAX && !od_storage_has_page(storage, 1) &&
           !storage->has_failed;
}

static const struct birth *find(od_slice text)
{
    for (size_t i = 0; i < OD_SQL_BIRTHS_MAX; i++) {
        const struct birth *birth = &births[i];
        if (birth->size == text.size && birth->text != NULL &&
            memcmp(birth->text, text.at, text.size) == 0)
            return birth;
    }
    return NULL;
}

bool od_sql_birth_repeat(struct od_storage *storage, const struct od_sql_query *query,
                         struct od_sql_result *result)
{
    const struct birth *birth = find(query->text);
    if (birth == NULL ||
        (size_t)2 * birth->page_count * OD_SQL_PAGE_BYTES > od_storage_room_bytes(storage))
        return false;
    for (uint32_t i = 0; i < birth->page_count; i++)
        od_storage_put_page(storage, i + 1, birth->pages + (size_t)i * OD_SQL_PAGE_BYTES);
    result->rows_read = birth->rows_read;
    return true;
}

static bool copy_pages(struct od_storage *storage, struct birth *birth)
{
    birth->pages = od_allocate((size_t)birth->page_count * OD_SQL_PAGE_BYTES);
    for (uint32_t i = 0; i < birth->page_count; i++) {
        if (!od_sql_vfs_get_page(storage, i + 1, birth->pages + (size_t)i * OD_SQL_PAGE_BYTES))
            return false;
    }
    return true;
}

void od_sql_birth_note(struct od_storage *storage, const struct od_sql_query *query,
                       const struct od_sql_result *result)
{
    struct birth *birth = &births[next];
    uint32_t count = od_sql_vfs_count_pages(storage);
    if (count == 0 || count > OD_SQL_BIRTH_PAGES_MAX || find(query->text) != NULL)
        return;
    next = (next + 1) % OD_SQL_BIRTHS_MAX;
    free(birth->text);
    free(birth->pages);
    *birth = (struct birth){
        .size = query->text.size, .rows_read = result->rows_read, .page_count = count};
    if (!copy_pages(storage, birth))
        return; // Without a text it is none.
    birth->text = od_allocate(query->text.size);
    memcpy(birth->text, query->text.at, query->text.size);
}
