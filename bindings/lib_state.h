// `state`: what an object has besides its code. Its methods for WebSockets are in
// lib_state_sockets.c.

#ifndef OD_BINDINGS_LIB_STATE_H
#define OD_BINDINGS_LIB_STATE_H

#include <lauxlib.h>

#include "instance.h"

void od_lib_state_open(lua_State *L); // Once a state; puts native.state for lua/engine/calls.lua.

void od_state_push(lua_State *L, const struct od_instance *instance);

// `ctx`, the third argument of the entry.
void od_context_push(lua_State *L);

// The object of the state that is the argument before the first of the method [call].
struct od_object *od_state_self(lua_State *L, const char *call);

extern const luaL_Reg od_state_socket_methods[];

#endif
