#include "link/failure.h"

#include "base/cursor.h"

void od_failure_put(struct od_bytes *bytes, const struct od_failure *failure)
{
    OD_ASSERT(failure->id.size == 0 || failure->id.size == OD_FAILURE_ID_BYTES);
    od_bytes_put_u8(bytes, failure->flags);
    od_bytes_put_u8(bytes, failure->id.size > 0);
    od_bytes_put_slice(bytes, failure->id);
    od_bytes_put_string(bytes, failure->message);
    od_bytes_put_slice(bytes, failure->fields);
}

bool od_failure_read(od_slice record, struct od_failure *failure)
{
    struct od_cursor cursor = od_cursor_of(record);
    failure->flags = od_cursor_u8(&cursor);
    bool has_id = od_cursor_u8(&cursor) != 0;
    failure->id = od_cursor_bytes(&cursor, has_id ? OD_FAILURE_ID_BYTES : 0);
    failure->message = od_cursor_string(&cursor);
    failure->fields = od_cursor_rest(&cursor);
    return !cursor.failed;
}
