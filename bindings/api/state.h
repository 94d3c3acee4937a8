// `state`: what an object has besides its code. Its methods for WebSockets are in
// api/state_sockets.c.

#ifndef OD_API_STATE_H
#define OD_API_STATE_H

#include <lauxlib.h>

#include "engine/instance.h"
#include "engine/wait.h"
#include "object/limits.h"

void od_lib_state_open(lua_State *L); // Once a state.

void od_state_push(lua_State *L, const struct od_instance *instance);

// `ctx`, the third argument of the entry.
void od_context_push(lua_State *L);

// The object of the state that is the argument before the first of the method [call].
struct od_object *od_state_self(lua_State *L, const char *call);

// `return od_state_give_up(...)`: gives up the instance and never comes back. Where Lua cannot
// yield (in a comparison of table.sort), an error with [why] ends the handler instead, if nothing
// catches it; the object is reset all the same.
int od_state_give_up(lua_State *L, const char *call, enum od_wait_kind kind,
                     const struct od_failure *why);

extern const luaL_Reg od_state_socket_methods[];
extern const luaL_Reg od_state_socket_functions[]; // native.sockets: what methods in Lua stand on.

struct od_tags {
    od_slice at[OD_TAGS_MAX];
    size_t count;
};

// Those in the array that is the argument at [index] of [call], made unique; nil: none. The slices
// live as long as the array.
struct od_tags od_check_tags(lua_State *L, int index, const char *call);

#endif
