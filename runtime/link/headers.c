#include "link/headers.h"

void od_headers_put(struct od_bytes *bytes, od_slice name, od_slice value)
{
    od_bytes_put_string(bytes, name);
    od_bytes_put_string(bytes, value);
}

bool od_headers_next(struct od_headers *headers, struct od_header *header)
{
    if (headers->left == 0)
        return false;
    headers->left--;
    header->name = od_cursor_string(&headers->cursor);
    header->value = od_cursor_string(&headers->cursor);
    return !headers->cursor.failed;
}

bool od_headers_find(struct od_headers headers, od_slice name, od_slice *value)
{
    struct od_header header;
    while (od_headers_next(&headers, &header)) {
        if (od_slice_equal(header.name, name)) {
            *value = header.value;
            return true;
        }
    }
    return false;
}

struct od_headers od_headers_read(struct od_cursor *cursor)
{
    uint32_t count = od_cursor_u32(cursor);
    struct od_headers headers = {*cursor, count};
    for (uint32_t i = 0; i < count && !cursor->failed; i++) {
        od_cursor_string(cursor);
        od_cursor_string(cursor);
    }
    headers.left = cursor->failed ? 0 : count;
    return headers;
}
