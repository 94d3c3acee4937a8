#include "spec_run.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "api/test.h"
#include "base/bytes.h"
#include "engine/embedded.h"
#include "value/library.h"

// A file of the specs and the words behind it: (path or nil, {words}).
static int push_words(lua_State *L, const struct od_options *options)
{
    lua_pushstring(L, options->path); // NULL pushes nil.
    lua_newtable(L);
    for (int i = 0; options->rest[i] != NULL; i++) {
        lua_pushstring(L, options->rest[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 2;
}

// A lua_CFunction: (options). Returns only when something is wrong; busted itself ends the process.
static int run(lua_State *L)
{
    const struct od_options *options = lua_touserdata(L, 1);
    luaL_openlibs(L);
    od_lib_open(L);
    od_embedded_open_library(L);
    od_lib_test_put_values(L);
    od_embedded_push(L, "open-do.test.runner");
    lua_call(L, push_words(L, options), 1);
    return 1;
}

enum od_exit od_spec_run(const struct od_options *options)
{
    lua_State *L = luaL_newstate();
    OD_ASSERT(L != NULL);
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, (void *)(uintptr_t)options);
    int status = lua_pcall(L, 1, 1, 0);
    const char *why = lua_tostring(L, -1);
    if (why != NULL)
        fprintf(stderr, "open-do: %s\n", why);
    lua_close(L);
    return status != 0 || why != NULL ? OD_EXIT_WRONG : OD_EXIT_CLEAN;
}
