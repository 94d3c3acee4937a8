// od.password: hash and verify. The Lua half is lua/engine/password.lua.

#ifndef OD_API_PASSWORD_H
#define OD_API_PASSWORD_H

#include <lua.h>

void od_lib_password_open(lua_State *L);

#endif
