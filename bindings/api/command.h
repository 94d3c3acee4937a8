// Commands of an operator that write (link/commands.h): they run in the object they are for, as a
// handler of our own in lua/engine/commands.lua.

#ifndef OD_API_COMMAND_H
#define OD_API_COMMAND_H

#include <stdbool.h>

#include <lua.h>

void od_lib_command_open(lua_State *L); // Once a state.

bool od_command_push_handler(lua_State *L); // Pushes it; true.

#endif
