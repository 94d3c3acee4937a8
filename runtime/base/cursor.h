// Reads back what bytes.h wrote, field by field, from bytes that may be wrong.
//
// A field that is not there gives zero or the empty slice and marks the cursor as failed; reading
// on is allowed and goes on giving zeros. So a decoder reads all its fields and asks once, at the
// end.

#ifndef OD_BASE_CURSOR_H
#define OD_BASE_CURSOR_H

#include "base/slice.h"

struct od_cursor {
    const char *at;
    const char *end;
    bool failed;
};

struct od_cursor od_cursor_of(od_slice bytes);
uint8_t od_cursor_u8(struct od_cursor *cursor);
uint16_t od_cursor_u16(struct od_cursor *cursor);
uint32_t od_cursor_u32(struct od_cursor *cursor);
uint64_t od_cursor_u64(struct od_cursor *cursor);
od_slice od_cursor_string(struct od_cursor *cursor);              // u32 length, then the bytes.
od_slice od_cursor_bytes(struct od_cursor *cursor, size_t count); // Exactly [count] bytes.
od_slice od_cursor_rest(struct od_cursor *cursor);                // All that is left.
bool od_cursor_at_end(const struct od_cursor *cursor);            // Also true after a failure.

#endif
