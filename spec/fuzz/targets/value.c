// Stored values: any bytes may be on the disk, and what can be read can be written again.

#include "fuzz_lua.h"

#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lua_State *L = fuzz_lua();
    struct od_error err;
    struct od_bytes again = {0};
    char *copy = fuzz_copy(data, size);
    if (od_value_decode(L, (od_slice){copy, size}, &err)) {
        OD_ASSERT(lua_gettop(L) == 2);
        if (od_value_encode(L, 2, &again, 2u << 20, &err))
            OD_ASSERT(od_value_decode(L, od_bytes_slice(&again), &err));
    } else {
        OD_ASSERT(lua_gettop(L) == 1);
    }
    lua_settop(L, 1);
    int count = od_values_decode(L, (od_slice){copy, size}, &err);
    OD_ASSERT(count < 0 || lua_gettop(L) == 1 + count);
    od_bytes_deinit(&again);
    free(copy);
    return 0;
}
