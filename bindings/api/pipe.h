// od.connect: connections of bytes to places outside (object/pipe.h). The Lua half, which waits, is
// lua/engine/pipe.lua.

#ifndef OD_API_PIPE_H
#define OD_API_PIPE_H

#include <lua.h>

void od_lib_pipe_open(lua_State *L); // Once a state.

#endif
