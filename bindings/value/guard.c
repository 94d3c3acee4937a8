#include "value/guard.h"

#include <lauxlib.h>

static const char guard_key; // Its address is the key of [run] in the registry.

struct call {
    od_guard_fn *body;
    void *context;
    struct od_error *err;
    bool is_ok;
};

// The one that [run] is called for. Not an argument: pushing the address of a C variable can raise,
// since LuaJIT keeps a table of the high halves of such addresses.
static _Thread_local struct call *running;

static int run(lua_State *L)
{
    struct call *call = running;
    call->is_ok = call->body(L, call->context, call->err);
    return 0;
}

// Kept in the registry, because making a function for each call costs memory and can raise, too.
void od_guard_open(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&guard_key);
    lua_pushcfunction(L, run);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

static void push_or_nil(lua_State *L, int index)
{
    if (index == 0)
        lua_pushnil(L);
    else
        lua_pushvalue(L, index);
}

static int absolute(lua_State *L, int index)
{
    return index < 0 && index > LUA_REGISTRYINDEX ? lua_gettop(L) + index + 1 : index;
}

bool od_guard(lua_State *L, int first, int second, od_guard_fn *body, void *context,
              struct od_error *err)
{
    struct call call = {body, context, err, false};
    first = absolute(L, first);
    second = absolute(L, second);
    lua_pushlightuserdata(L, (void *)&guard_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    push_or_nil(L, first);
    push_or_nil(L, second);
    struct call *outer = running;
    running = &call;
    int status = lua_pcall(L, 2, 0, 0);
    running = outer;
    if (status == 0)
        return call.is_ok;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "unknown error";
    od_error_set(err, "%s", text);
    lua_pop(L, 1);
    return false;
}
