#include "value/guard.h"

#include <lauxlib.h>

static const char guard_key; // Its address is the key of [run] in the registry.

struct call {
    od_guard_fn *body;
    void *context;
    struct od_error *err;
    bool is_ok;
};

// The upvalue is a cell that holds the call. Not an argument: pushing the address of a C variable
// can raise, since LuaJIT keeps a table of the high halves of such addresses.
static int run(lua_State *L)
{
    struct call *call = *(struct call **)lua_touserdata(L, lua_upvalueindex(1));
    call->is_ok = call->body(L, call->context, call->err);
    return 0;
}

// Kept in the registry, because making a closure for each call costs memory and can raise, too.
void od_guard_open(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&guard_key);
    struct call **cell = lua_newuserdata(L, sizeof *cell);
    *cell = NULL;
    lua_pushcclosure(L, run, 1);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

// Pushes the guarding function and returns its cell.
static struct call **push_run(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&guard_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    const char *name = lua_getupvalue(L, -1, 1);
    OD_ASSERT(name != NULL);
    struct call **cell = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return cell;
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
    struct call **cell = push_run(L);
    struct call *outer = *cell;
    push_or_nil(L, first);
    push_or_nil(L, second);
    *cell = &call;
    int status = lua_pcall(L, 2, 0, 0);
    *cell = outer;
    if (status == 0)
        return call.is_ok;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "unknown error";
    od_error_set(err, "%s", text);
    lua_pop(L, 1);
    return false;
}
