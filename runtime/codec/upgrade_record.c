#include "codec/upgrade_record.h"

#include "base/cursor.h"
#include "codec/deflate.h"

static bool is_window(uint8_t bits)
{
    return bits == 0 || (bits >= OD_DEFLATE_WINDOW_BITS_MIN && bits <= OD_DEFLATE_WINDOW_BITS_MAX);
}

void od_upgrade_record_put(struct od_bytes *bytes, const struct od_upgrade_record *record)
{
    OD_ASSERT(is_window(record->window_bits));
    od_bytes_put_string(bytes, record->output);
    od_bytes_put_u8(bytes, record->window_bits);
    od_bytes_put_u8(bytes, record->is_client);
    od_bytes_put_string(bytes, record->protocol);
    od_bytes_put_string(bytes, record->url);
    od_bytes_put_string(bytes, record->input);
    od_bytes_put_u8(bytes, record->has_closed);
    od_bytes_put_u8(bytes, record->is_events);
}

bool od_upgrade_record_read(od_slice bytes, struct od_upgrade_record *record)
{
    struct od_cursor cursor = od_cursor_of(bytes);
    record->output = od_cursor_string(&cursor);
    record->window_bits = od_cursor_u8(&cursor);
    record->is_client = od_cursor_u8(&cursor) != 0;
    record->protocol = od_cursor_string(&cursor);
    record->url = od_cursor_string(&cursor);
    record->input = od_cursor_string(&cursor);
    record->has_closed = od_cursor_u8(&cursor) != 0;
    record->is_events =
        !od_cursor_at_end(&cursor) && od_cursor_u8(&cursor) != 0; // Of 0.2: not there.
    return !cursor.failed && is_window(record->window_bits);
}

bool od_upgrade_record_is_events(od_slice bytes)
{
    struct od_upgrade_record record;
    return od_upgrade_record_read(bytes, &record) && record.is_events;
}
