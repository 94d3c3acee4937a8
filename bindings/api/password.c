#include "api/password.h"

#include <lauxlib.h>

#include "engine/embedded.h"
#include "engine/engine.h"
#include "object/limits.h"
#include "object/password.h"
#include "value/raise.h"

// 0, which is out of bounds, for what is no byte.
static uint8_t byte_at(lua_State *L, int index)
{
    lua_Number value = lua_tonumber(L, index);
    return value >= 1 && value <= UINT8_MAX ? (uint8_t)value : 0;
}

static struct od_password_cost cost_at(lua_State *L, int index)
{
    return (struct od_password_cost){
        .log_n = byte_at(L, index), .r = byte_at(L, index + 1), .p = byte_at(L, index + 2)};
}

// is_bounded(log_n, r, p)
static int is_bounded(lua_State *L)
{
    struct od_password_cost cost = cost_at(L, 1);
    lua_pushboolean(L, od_password_cost_is_bounded(&cost));
    return 1;
}

// check(call, password): whether it is not too long to be one. Raises when it is no string.
static int check(lua_State *L)
{
    const char *call = luaL_checkstring(L, 1);
    if (lua_type(L, 2) != LUA_TSTRING)
        od_raise(L, "%s: argument 1 must be a string, got %s", call, od_describe(L, 2));
    lua_pushboolean(L, lua_objlen(L, 2) <= OD_PASSWORD_BYTES_MAX);
    return 1;
}

// derive(log_n, r, p, salt, password): waits; gives (true, key) or (false, failure record).
static int derive(lua_State *L)
{
    struct od_wait *wait = od_wait_prepare(L, "password");
    struct od_password_cost cost = cost_at(L, 1);
    OD_ASSERT(od_password_cost_is_bounded(&cost));
    od_slice salt = od_check_string(L, 4, "password");
    OD_ASSERT(salt.size <= UINT8_MAX);
    od_password_put(&wait->bytes, &cost, salt, od_check_string(L, 5, "password"));
    return od_wait_yield(L, OD_WAIT_PASSWORD);
}

void od_lib_password_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"check", check}, {"derive", derive}, {"is_bounded", is_bounded}, {NULL, NULL}};
    od_embedded_put_native(L, "password", functions);
    od_embedded_push(L, "engine.password");
    od_embedded_put_runtime(L, "password");
}
