#include "types.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/check.h"
#include "engine/embedded.h"
#include "value/library.h"

// source(name) -> the text of the module, as it stands in lua/.
static int source(lua_State *L)
{
    od_slice text = od_embedded_source(luaL_checkstring(L, 1));
    lua_pushlstring(L, text.at, text.size);
    return 1;
}

static int push_outcome(lua_State *L, bool ok)
{
    int why = errno;
    if (ok) {
        lua_pushboolean(L, true);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, strerror(why));
    return 2;
}

// make_folder(path) -> true; or nil and why not. One that is there is good.
static int make_folder(lua_State *L)
{
    return push_outcome(L, mkdir(luaL_checkstring(L, 1), 0777) == 0 || errno == EEXIST);
}

// write_file(path, text) -> true; or nil and why not. A full disk may say so only at the end.
static int write_file(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 2, &size);
    FILE *file = fopen(luaL_checkstring(L, 1), "wbe");
    bool ok = file != NULL && fwrite(text, 1, size, file) == size;
    if (file != NULL)
        ok = fclose(file) == 0 && ok;
    return push_outcome(L, ok);
}

// A lua_CFunction: (module, its arguments...).
static int write_all(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"source", source}, {"make_folder", make_folder}, {"write_file", write_file}, {NULL, NULL}};
    luaL_openlibs(L);
    od_lib_open(L);
    od_embedded_open_library(L);
    od_embedded_put_native(L, "types", functions);
    od_embedded_push(L, "types"); // For `new`, which writes them, too.
    od_embedded_push(L, lua_tostring(L, 1));
    lua_replace(L, 1);
    lua_call(L, lua_gettop(L) - 1, 0);
    return 0;
}

static enum od_exit run(const char *module, const struct od_options *options)
{
    lua_State *L = luaL_newstate();
    OD_ASSERT(L != NULL);
    lua_pushcfunction(L, write_all);
    lua_pushstring(L, module);
    lua_pushstring(L, options->path == NULL ? "." : options->path);
    lua_pushstring(L, options->template_name);
    bool ok = lua_pcall(L, 3, 0, 0) == 0;
    if (!ok)
        fprintf(stderr, "open-do: %s\n", lua_tostring(L, -1));
    lua_close(L);
    return ok ? OD_EXIT_CLEAN : OD_EXIT_WRONG;
}

enum od_exit od_types_write(const struct od_options *options)
{
    return run("types", options);
}

enum od_exit od_new_write(const struct od_options *options)
{
    return run("new", options);
}
