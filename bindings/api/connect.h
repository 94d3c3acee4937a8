// state:connect: a WebSocket of the object to a place outside (object/wish.h).

#ifndef OD_API_CONNECT_H
#define OD_API_CONNECT_H

#include <lua.h>

void od_lib_connect_open(lua_State *L); // Once a state.

#endif
