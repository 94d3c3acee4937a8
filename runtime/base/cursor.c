#include "base/cursor.h"

#include <endian.h>
#include <string.h>

#include "base/check.h"

struct od_cursor od_cursor_of(od_slice bytes)
{
    const char *at = bytes.at == NULL ? "" : bytes.at; // Nothing may be added to NULL, not even 0.
    return (struct od_cursor){at, at + bytes.size, false};
}

od_slice od_cursor_bytes(struct od_cursor *cursor, size_t count)
{
    OD_ASSERT(cursor->at <= cursor->end);
    if (cursor->failed || (size_t)(cursor->end - cursor->at) < count) {
        cursor->failed = true;
        return (od_slice){NULL, 0};
    }
    od_slice field = {cursor->at, count};
    cursor->at += count;
    return field;
}

static inline uint64_t take_little_endian(struct od_cursor *cursor, size_t width)
{
    od_slice field = od_cursor_bytes(cursor, width);
    uint64_t little = 0;
    if (field.size > 0)
        memcpy(&little, field.at, width);
    return le64toh(little);
}

uint8_t od_cursor_u8(struct od_cursor *cursor)
{
    return (uint8_t)take_little_endian(cursor, 1);
}

uint16_t od_cursor_u16(struct od_cursor *cursor)
{
    return (uint16_t)take_little_endian(cursor, 2);
}

uint32_t od_cursor_u32(struct od_cursor *cursor)
{
    return (uint32_t)take_little_endian(cursor, 4);
}

uint64_t od_cursor_u64(struct od_cursor *cursor)
{
    return take_little_endian(cursor, 8);
}

od_slice od_cursor_string(struct od_cursor *cursor)
{
    uint32_t size = od_cursor_u32(cursor);
    return od_cursor_bytes(cursor, size);
}

od_slice od_cursor_rest(struct od_cursor *cursor)
{
    return od_cursor_bytes(cursor, cursor->failed ? 0 : (size_t)(cursor->end - cursor->at));
}

bool od_cursor_at_end(const struct od_cursor *cursor)
{
    return cursor->failed || cursor->at == cursor->end;
}
