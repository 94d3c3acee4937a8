// Lets C code that may meet a Lua error be called by C code that holds resources: the error (in
// practice "not enough memory") ends the guarded function and comes back as a struct od_error.

#ifndef OD_VALUE_GUARD_H
#define OD_VALUE_GUARD_H

#include <lua.h>

#include "base/error.h"

// Runs with the guarded values at the indices 1 and 2 and a stack of its own; what it leaves there
// is dropped. It must not hold resources of its own.
typedef bool od_guard_fn(lua_State *L, void *context, struct od_error *err);

void od_guard_open(lua_State *L); // Once a state; pushes nothing.

// Runs [body] on the values at [first] and [second] (0 gives nil). False with [err] set when it
// returned false or raised.
OD_MUST_CHECK bool od_guard(lua_State *L, int first, int second, od_guard_fn *body, void *context,
                            struct od_error *err);

#endif
