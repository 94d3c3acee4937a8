#include "store/identity.h"

#include <string.h>

#include "base/check.h"
#include "store/limits.h"

void od_identity_put(struct od_bytes *bytes, const struct od_identity *identity)
{
    OD_ASSERT(identity->space.size <= OD_STORE_NAMESPACE_BYTES_MAX);
    OD_ASSERT(identity->name.size <= OD_STORE_NAME_BYTES_MAX);
    od_bytes_put(bytes, identity->id, OD_ID_BYTES);
    od_bytes_put_string(bytes, identity->space);
    od_bytes_put_u8(bytes, identity->has_name);
    od_bytes_put_string(bytes, identity->name);
}

void od_identity_read(struct od_cursor *cursor, struct od_identity *identity)
{
    od_slice id = od_cursor_bytes(cursor, OD_ID_BYTES);
    if (id.size == OD_ID_BYTES)
        memcpy(identity->id, id.at, OD_ID_BYTES);
    identity->space = od_cursor_string(cursor);
    uint8_t has_name = od_cursor_u8(cursor);
    identity->has_name = has_name == 1;
    identity->name = od_cursor_string(cursor);
    if (has_name > 1 || identity->space.size > OD_STORE_NAMESPACE_BYTES_MAX ||
        identity->name.size > OD_STORE_NAME_BYTES_MAX)
        cursor->failed = true;
}
