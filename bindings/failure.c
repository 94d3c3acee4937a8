#include "failure.h"

#include <lauxlib.h>

static const char metatable_key; // Its address is the key of the metatable in the registry.

static int to_string(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TTABLE) {
        lua_pushliteral(L, "message");
        lua_rawget(L, 1);
    }
    if (lua_type(L, -1) != LUA_TSTRING)
        lua_pushliteral(L, "error");
    return 1;
}

static void make_metatable(lua_State *L)
{
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, to_string);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pushlightuserdata(L, (void *)(uintptr_t)&metatable_key);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

static void push_metatable(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&metatable_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (lua_type(L, -1) == LUA_TNIL) {
        lua_pop(L, 1);
        make_metatable(L);
    }
}

void od_failure_push_remote(lua_State *L, od_slice message)
{
    lua_createtable(L, 0, 2);
    lua_pushlstring(L, message.at, message.size);
    lua_setfield(L, -2, "message");
    lua_pushboolean(L, true);
    lua_setfield(L, -2, "remote");
    push_metatable(L);
    lua_setmetatable(L, -2);
}
