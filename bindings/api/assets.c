#include "api/assets.h"

#include <lauxlib.h>

#include "engine/embedded.h"
#include "engine/engine.h"
#include "object/assets/assets.h"
#include "value/http_message.h"
#include "value/raise.h"

// fetch(assets, request or path, init?) -> Response
static int fetch(lua_State *L)
{
    struct od_engine *engine = od_engine_of(L);
    struct od_bytes *bytes = od_engine_scratch(engine);
    struct od_error err;
    struct od_request request;
    lua_settop(L, 3);
    od_engine_object(L, "fetch");
    if (!od_request_encode(L, 2, 3, bytes, &err))
        od_raise(L, "fetch: %s", err.text);
    size_t size = bytes->size;
    bool is_request = od_request_read(od_bytes_slice(bytes), &request);
    OD_ASSERT(is_request);
    struct od_bytes response = {0};
    od_assets_fetch(engine->script.assets, &request, &response);
    od_bytes_put_slice(bytes, od_bytes_slice(&response)); // Which a Lua error does not leak.
    od_bytes_deinit(&response);
    od_response_push(L, od_slice_from(od_bytes_slice(bytes), size));
    return 1;
}

void od_lib_assets_open(lua_State *L)
{
    static const luaL_Reg methods[] = {{"fetch", fetch}, {NULL, NULL}};
    od_userdata_define(L, OD_USERDATA_ASSETS, methods, od_userdata_no_field);
    lua_pop(L, 1);
}

void od_assets_push(lua_State *L)
{
    od_userdata_push(L, OD_USERDATA_ASSETS, 1);
}
