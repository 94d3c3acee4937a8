// URLs and queries: the byte work behind od.url and request.query.

#include "fuzz_lua.h"

static void call(lua_State *L, const char *name, const char *at, size_t size)
{
    lua_getfield(L, 1, "url");
    lua_getfield(L, -1, name);
    lua_pushlstring(L, at, size);
    if (lua_pcall(L, 1, 1, 0) != 0)
        OD_ASSERT(lua_isstring(L, -1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lua_State *L = fuzz_lua();
    char *copy = fuzz_copy(data, size);
    call(L, "decode", copy, size);
    call(L, "query_pairs", copy, size);
    call(L, "url_pairs", copy, size);
    call(L, "encode", copy, size);
    size_t encoded_size, decoded_size;
    const char *encoded = lua_tolstring(L, -1, &encoded_size);
    call(L, "decode", encoded, encoded_size);
    const char *decoded = lua_tolstring(L, -1, &decoded_size);
    OD_ASSERT(decoded_size == size && (size == 0 || memcmp(decoded, copy, size) == 0));
    free(copy);
    return 0;
}
