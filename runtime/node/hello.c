#include "node/hello.h"

#include "base/cursor.h"
#include "link/seats.h"
#include "node/limits.h"

void od_hello_put(struct od_bytes *bytes, const struct od_hello *hello)
{
    OD_ASSERT(hello->nonce.size == OD_NONCE_BYTES);
    OD_ASSERT(hello->id > 0);
    OD_ASSERT(hello->id < OD_NODE_IDS_MAX);
    od_bytes_put_u32(bytes, hello->version);
    od_bytes_put_string(bytes, hello->cluster);
    od_bytes_put_u32(bytes, hello->id);
    od_bytes_put_u64(bytes, hello->life);
    od_bytes_put_u32(bytes, hello->workers);
    od_bytes_put_slice(bytes, hello->nonce);
}

bool od_hello_read(od_slice bytes, struct od_hello *hello)
{
    struct od_cursor cursor = od_cursor_of(bytes);
    hello->version = od_cursor_u32(&cursor);
    hello->cluster = od_cursor_string(&cursor);
    hello->id = od_cursor_u32(&cursor);
    hello->life = od_cursor_u64(&cursor);
    hello->workers = od_cursor_u32(&cursor);
    hello->nonce = od_cursor_bytes(&cursor, OD_NONCE_BYTES);
    bool is_whole = !cursor.failed && od_cursor_at_end(&cursor);
    return is_whole && hello->id > 0 && hello->id < OD_NODE_IDS_MAX && hello->workers > 0 &&
           hello->workers <= OD_WORKERS_MAX;
}

bool od_hello_fits(const struct od_hello *own, const struct od_hello *other, struct od_error *err)
{
    OD_ASSERT(own->version == OD_NODE_VERSION);
    if (other->version != own->version)
        return od_error_set(err, "it speaks version %u of the language of nodes, this one %u",
                            other->version, own->version);
    if (!od_slice_equal(other->cluster, own->cluster))
        return od_error_set(err, "it is of another cluster");
    if (other->id == own->id)
        return od_error_set(err, "it says that it is this node (%u): are there two of one name?",
                            own->id);
    return true;
}
