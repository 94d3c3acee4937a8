#include "engine/freeze.h"

#include <lauxlib.h>

#include "value/raise.h"

static int refuse_named(lua_State *L)
{
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    od_raise(L, "the table '%s' is read-only: '%s' cannot be set",
             lua_tostring(L, lua_upvalueindex(1)), key);
}

// Stack: the table, what refuses assignments. Leaves the frozen table.
static void wrap(lua_State *L)
{
    OD_ASSERT(lua_isfunction(L, -1));
    OD_ASSERT(lua_istable(L, -2));
    lua_createtable(L, 0, 3);
    lua_insert(L, -2);
    lua_setfield(L, -2, "__newindex");
    lua_insert(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_newtable(L);
    lua_insert(L, -2);
    lua_setmetatable(L, -2);
}

void od_freeze(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_pushcclosure(L, refuse_named, 1);
    wrap(L);
}

void od_freeze_with(lua_State *L, lua_CFunction refuse)
{
    lua_pushcfunction(L, refuse);
    wrap(L);
}

bool od_is_frozen(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index))
        return false;
    lua_pushliteral(L, "__metatable");
    lua_rawget(L, -2);
    bool is_frozen = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    lua_pop(L, 2);
    return is_frozen;
}
