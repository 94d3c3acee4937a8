// What a damaged disk may give: a page of the data file (store/file_page.h), an alarm's row, an
// identity.

#include "fuzz.h"

#include "store/alarm.h"
#include "store/file_page.h"
#include "store/identity.h"

static bool visit(void *context, uint64_t number, uint64_t pages)
{
    uint64_t page_count = *(uint64_t *)context;
    OD_ASSERT(number >= 2 && number < page_count);
    OD_ASSERT(pages <= page_count - number);
    return true;
}

// What is taken from a sound page lies within it. Its keys may be in any order.
static void read_nodes(const unsigned char *page, size_t size)
{
    bool is_leaf = od_file_page_is_leaf(page);
    for (size_t i = 0; i < od_file_page_nodes(page); i++) {
        od_slice key = od_file_node_key(page, i);
        OD_ASSERT(key.at + key.size <= (const char *)page + size);
        OD_ASSERT(od_file_page_find(page, key) < od_file_page_nodes(page) + is_leaf);
        if (!is_leaf)
            continue;
        od_slice value = od_file_node_value(page, size, i).bytes;
        OD_ASSERT(value.at == NULL || value.at + value.size <= (const char *)page + size);
    }
}

static void read_rows(od_slice bytes)
{
    struct od_cursor cursor = od_cursor_of(bytes);
    struct od_alarm alarm;
    od_alarm_read(&cursor, &alarm);
    OD_ASSERT(cursor.failed || (alarm.time_ms >= 0 && alarm.due_ms >= 0));
    struct od_identity identity;
    cursor = od_cursor_of(bytes);
    od_identity_read(&cursor, &identity);
    if (cursor.failed)
        return;
    struct od_bytes again = {0};
    od_identity_put(&again, &identity);
    OD_ASSERT(again.size <= bytes.size);
    od_bytes_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum {
        page_bytes = 512,
    };
    uint64_t number = 0, page_count = 1 << 20;
    char *copy = fuzz_copy(data, size);
    read_rows((od_slice){copy, size});
    if (size >= page_bytes) {
        unsigned char *page = (unsigned char *)fuzz_copy(data, page_bytes);
        memcpy(&number, page, sizeof number);
        if (od_file_page_is_sound(page, page_bytes, number, page_count, visit, &page_count))
            read_nodes(page, page_bytes);
        free(page);
    }
    free(copy);
    return 0;
}
