#include "link/invocation.h"

#include "base/cursor.h"

void od_invocation_begin(struct od_bytes *bytes, od_slice method)
{
    OD_ASSERT(method.size <= OD_METHOD_BYTES_MAX);
    od_bytes_put_u8(bytes, (uint8_t)method.size);
    od_bytes_put_slice(bytes, method);
    od_bytes_put_u8(bytes, 0);
}

bool od_invocation_read(od_slice message, struct od_invocation *invocation)
{
    struct od_cursor cursor = od_cursor_of(message);
    uint8_t size = od_cursor_u8(&cursor);
    invocation->method = od_cursor_bytes(&cursor, size);
    bool has_zero = od_cursor_u8(&cursor) == 0;
    invocation->arguments = od_cursor_rest(&cursor);
    return has_zero && !cursor.failed;
}
