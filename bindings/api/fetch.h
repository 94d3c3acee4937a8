// od.fetch: the half in C; the other, which goes on after the wait, is in lua/engine/fetch.lua.

#ifndef OD_API_FETCH_H
#define OD_API_FETCH_H

#include <lua.h>

void od_lib_fetch_open(lua_State *L); // Once a state; puts native.fetch.

#endif
