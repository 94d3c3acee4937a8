// Cookies: whatever a header says is a table of strings, and what is serialized is read back.

#include "fuzz.h"

#include <lauxlib.h>
#include <lualib.h>

#include "engine/embedded.h"
#include "value/library.h"

// The module is at index 1; what a round leaves on top of it is dropped by the next.
static lua_State *cookies_lua(void)
{
    static lua_State *L;
    if (L == NULL) {
        L = luaL_newstate();
        OD_ASSERT(L != NULL);
        luaL_openlibs(L);
        od_lib_open(L);
        od_embedded_open_library(L);
        lua_settop(L, 0);
        od_embedded_push(L, "open-do.cookies");
    }
    lua_settop(L, 1);
    return L;
}

// Its values are strings, and so are its names.
static void check_table(lua_State *L, int index)
{
    OD_ASSERT(lua_istable(L, index));
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        OD_ASSERT(lua_type(L, -1) == LUA_TSTRING);
        OD_ASSERT(lua_type(L, -2) == LUA_TSTRING);
        lua_pop(L, 1);
    }
}

static void get(lua_State *L, const char *name)
{
    lua_getfield(L, 1, name);
}

static void parse(lua_State *L, const char *at, size_t size)
{
    get(L, "parse");
    lua_pushlstring(L, at, size);
    int result = lua_pcall(L, 1, 1, 0);
    OD_ASSERT(result == 0);
    check_table(L, lua_gettop(L));
}

// A cookie of any value; a name that no cookie can have is refused.
static void there_and_back(lua_State *L, const char *at, size_t size)
{
    get(L, "serialize");
    lua_pushliteral(L, "name");
    lua_pushlstring(L, at, size);
    if (lua_pcall(L, 2, 1, 0) != 0)
        return;
    size_t header_size;
    const char *header = lua_tolstring(L, -1, &header_size);
    OD_ASSERT(memchr(header, '\r', header_size) == NULL &&
              memchr(header, '\n', header_size) == NULL);
    parse(L, header, header_size);
    lua_getfield(L, -1, "name");
    size_t value_size;
    const char *value = lua_tolstring(L, -1, &value_size);
    OD_ASSERT(value != NULL && value_size == size);
    OD_ASSERT(size == 0 || memcmp(value, at, size) == 0);
}

static void any_name(lua_State *L, const char *at, size_t size)
{
    get(L, "serialize");
    lua_pushlstring(L, at, size);
    lua_pushliteral(L, "value");
    if (lua_pcall(L, 2, 1, 0) != 0)
        OD_ASSERT(lua_isstring(L, -1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lua_State *L = cookies_lua();
    char *copy = fuzz_text(data, size);
    parse(L, copy, size);
    lua_settop(L, 1);
    there_and_back(L, copy, size);
    lua_settop(L, 1);
    any_name(L, copy, size);
    free(copy);
    return 0;
}
