#include "codec/newcomer.h"

#include "base/check.h"
#include "base/cursor.h"

void od_newcomer_put(const struct od_newcomer *newcomer, struct od_bytes *out)
{
    OD_ASSERT(newcomer->lines.end <= newcomer->bytes.size);
    od_bytes_put_u32(out, newcomer->place);
    od_bytes_put_string(out, newcomer->tls);
    od_bytes_put_string(out, newcomer->peer);
    od_bytes_put_u32(out, newcomer->lines.request_line);
    od_bytes_put_u32(out, newcomer->lines.fields);
    od_bytes_put_u32(out, newcomer->lines.count);
    od_bytes_put_u32(out, newcomer->lines.end);
    od_bytes_put_slice(out, newcomer->bytes);
}

struct od_newcomer od_newcomer_read(od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct od_newcomer newcomer;
    newcomer.place = od_cursor_u32(&cursor);
    newcomer.tls = od_cursor_string(&cursor);
    newcomer.peer = od_cursor_string(&cursor);
    newcomer.lines.request_line = od_cursor_u32(&cursor);
    newcomer.lines.fields = od_cursor_u32(&cursor);
    newcomer.lines.count = od_cursor_u32(&cursor);
    newcomer.lines.end = od_cursor_u32(&cursor);
    newcomer.bytes = od_cursor_rest(&cursor);
    OD_ASSERT(!cursor.failed); // Main's messages are whole.
    return newcomer;
}
