// A Lua state with the library part of the bindings, for targets whose codec ends in Lua.

#ifndef OD_FUZZ_LUA_H
#define OD_FUZZ_LUA_H

#include <lauxlib.h>
#include <lualib.h>

#include "fuzz.h"
#include "value/library.h"

// The library is at index 1; what a round leaves on top of it is dropped by the next.
static inline lua_State *fuzz_lua(void)
{
    static lua_State *L;
    static unsigned rounds;
    if (L == NULL) {
        L = luaL_newstate();
        OD_ASSERT(L != NULL);
        luaL_openlibs(L);
        od_lib_open(L);
    }
    lua_settop(L, 1);
    if (++rounds % 1000 == 0)
        lua_gc(L, LUA_GCCOLLECT, 0);
    return L;
}

#endif
