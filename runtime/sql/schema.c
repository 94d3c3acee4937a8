#include "sql/schema.h"

#include <string.h>
#include <strings.h>

#include "store/limits.h"

// Of the file's head: form of the pages; cookie, format, encoding. Then the table of the schema.
#define FORM_AT 16
#define FORM_END 24
#define COOKIE_AT 40
#define COOKIE_END 60
#define TABLE_AT 100

#define LEAF_OF_TABLE 13
#define WHOLE_BYTES_MAX (OD_STORE_PAGE_BYTES - 35) // A longer row goes on in another page.

static unsigned byte_at(const char *page, unsigned at)
{
    return (unsigned char)page[at];
}

static unsigned u16_at(const char *page, unsigned at)
{
    return byte_at(page, at) << 8 | byte_at(page, at + 1);
}

// How long the row is that begins there; more than a page holds: it is damaged.
static unsigned row_bytes(const char *page, unsigned at)
{
    unsigned size = 0;
    for (unsigned i = 0; i < 3 && at + i < OD_STORE_PAGE_BYTES; i++) {
        size = size << 7 | (byte_at(page, at + i) & 0x7f);
        if ((byte_at(page, at + i) & 0x80) == 0)
            return size;
    }
    return OD_STORE_PAGE_BYTES;
}

static bool has_whole_rows(const char *page)
{
    unsigned count = u16_at(page, TABLE_AT + 3);
    if (byte_at(page, TABLE_AT) != LEAF_OF_TABLE || count > OD_STORE_PAGE_BYTES / 4)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (row_bytes(page, u16_at(page, TABLE_AT + 8 + 2 * i)) > WHOLE_BYTES_MAX)
            return false;
    }
    return true;
}

static bool has_virtual(const char *page, char begin)
{
    static const char word[] = "virtual";
    const char *at = page + TABLE_AT, *end = page + OD_STORE_PAGE_BYTES - strlen(word);
    while ((at = memchr(at, begin, (size_t)(end - at))) != NULL) {
        if (strncasecmp(at, word, strlen(word)) == 0)
            return true;
        at++;
    }
    return false;
}

static bool is_of_none(const char *page)
{
    return page[0] == 0;
}

bool od_sql_schema_can_be_kept(const char *page)
{
    return is_of_none(page) ||
           (has_whole_rows(page) && !has_virtual(page, 'v') && !has_virtual(page, 'V'));
}

bool od_sql_schema_is_same(const char *a, const char *b)
{
    return memcmp(a + COOKIE_AT, b + COOKIE_AT, COOKIE_END - COOKIE_AT) == 0 &&
           memcmp(a + FORM_AT, b + FORM_AT, FORM_END - FORM_AT) == 0 &&
           memcmp(a + TABLE_AT, b + TABLE_AT, OD_STORE_PAGE_BYTES - TABLE_AT) == 0;
}
