#include "object/names/call_message.h"

#include <string.h>

#include "base/cursor.h"

void od_call_begin(struct od_bytes *bytes, enum od_call_kind kind, const od_id *id,
                   od_slice namespace_name, bool has_name, od_slice name)
{
    OD_ASSERT(kind < OD_CALL_KINDS);
    od_bytes_put(bytes, id->bytes, OD_ID_BYTES);
    od_bytes_put_string(bytes, namespace_name);
    od_bytes_put_u8(bytes, has_name);
    od_bytes_put_string(bytes, name);
    od_bytes_put_u8(bytes, (uint8_t)kind);
}

bool od_call_read_message(od_slice bytes, struct od_call_message *message)
{
    struct od_cursor cursor = od_cursor_of(bytes);
    od_slice id = od_cursor_bytes(&cursor, OD_ID_BYTES);
    if (id.size == OD_ID_BYTES)
        memcpy(message->id.bytes, id.at, OD_ID_BYTES);
    message->namespace_name = od_cursor_string(&cursor);
    message->has_name = od_cursor_u8(&cursor) != 0;
    message->name = od_cursor_string(&cursor);
    message->kind = od_cursor_u8(&cursor);
    message->body = od_cursor_rest(&cursor);
    message->memory = NULL;
    return !cursor.failed && message->kind < OD_CALL_KINDS;
}
