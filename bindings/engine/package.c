#include "engine/package.h"

#include <lauxlib.h>

#include "engine/freeze.h"
#include "engine/require.h"
#include "value/raise.h"

// package.loaded[name]
static int loaded(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING)
        return 0;
    od_require_push_loaded(L, lua_tostring(L, 2));
    return 1;
}

static int refuse_loaded(lua_State *L)
{
    od_raise(L, "package.loaded is read-only: a module is what its file returns");
}

static int search_path(lua_State *L)
{
    od_slice name = od_check_bytes(L, 1, "package.searchpath");
    lua_pushnil(L);
    lua_pushfstring(L, "\n\tno file for '%s': scripts have no files", name.at);
    return 2;
}

static void push_loaded_view(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, loaded);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_loaded);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

void od_package_push(lua_State *L)
{
    lua_newtable(L);
    set_text(L, "config", "/\n;\n?\n!\n-\n");
    set_text(L, "path", OD_REQUIRE_PATH);
    push_loaded_view(L);
    lua_setfield(L, -2, "loaded");
    lua_pushcfunction(L, search_path);
    lua_setfield(L, -2, "searchpath");
    od_freeze(L, "package");
}
