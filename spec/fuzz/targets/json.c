// JSON: what can be read can be written, and then means the same.

#include "fuzz_lua.h"

#include "value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lua_State *L = fuzz_lua();
    struct od_error err;
    struct od_bytes once = {0}, twice = {0};
    char *copy = fuzz_text(data, size);
    bool is_read = od_json_decode(L, (od_slice){copy, size}, &err);
    OD_ASSERT(lua_gettop(L) == (is_read ? 2 : 1));
    // Members have no order in Lua: so only of what is written twice the size must agree.
    if (is_read && od_json_encode(L, 2, &once, &err)) {
        od_bytes_put_u8(&once, 0);
        once.size--;
        OD_ASSERT(od_json_decode(L, od_bytes_slice(&once), &err));
        OD_ASSERT(od_json_encode(L, 3, &twice, &err));
        OD_ASSERT(once.size == twice.size);
    }
    od_bytes_deinit(&once);
    od_bytes_deinit(&twice);
    free(copy);
    return 0;
}
