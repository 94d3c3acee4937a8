// blockConcurrencyWhile: the C half, native.section. The other is in lua/engine/calls.lua, as the
// script's function is called from there.
//
// An error in that function must not be caught by the script, as nobody knows in which state it has
// left the object. So it is taken where it was raised, told to the log with the way there, and what
// follows is a wait that never comes back.

#ifndef OD_API_SECTION_H
#define OD_API_SECTION_H

#include <lua.h>

void od_lib_section_open(lua_State *L); // Once a state.

#endif
