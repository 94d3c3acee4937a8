// `require` of scripts: files beside the script, then module "open-do" and the libraries of Lua,
// then what LuaRocks has put into lua_modules/ beside the script.
//
// "lib.x" is lib/x.lua or lib/x/init.lua in the script's folder. A name is made of words with dots
// (or slashes) between them, so no name leads out of that folder. Each module is loaded once.

#ifndef OD_ENGINE_REQUIRE_H
#define OD_ENGINE_REQUIRE_H

#include <lua.h>

#include "base/error.h"
#include "base/slice.h"

#define OD_REQUIRE_ROCKS "lua_modules/share/lua/5.1/" // `luarocks --tree lua_modules install`.
#define OD_REQUIRE_PATH                                                                            \
    "./?.lua;./?/init.lua;./" OD_REQUIRE_ROCKS "?.lua;./" OD_REQUIRE_ROCKS "?/init.lua"

#define OD_SOURCE_BYTES_MAX (16u << 20) // Of one file.

struct od_engine;

int od_require(lua_State *L); // A lua_CFunction.

// What `require` has loaded under that name, or a library of Lua; nil when it has not.
void od_require_push_loaded(lua_State *L, const char *name);

enum od_compile {
    OD_COMPILE_OK,
    OD_COMPILE_ABSENT, // There is no such file; [err] says so.
    OD_COMPILE_FAILED, // It cannot be read, or is no Lua.
};

// Pushes the file [path], relative to the script's folder, as a function, and keeps its text for
// reports. Pushes nothing on failure. A first line that begins with # is skipped.
OD_MUST_CHECK enum od_compile od_compile_file(struct od_engine *engine, lua_State *L,
                                              const char *path, struct od_error *err);

#endif
