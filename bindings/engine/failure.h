// Errors on their way between objects: the table that a caller's script sees, and what is taken
// from the one that the callee raised.
//
// The caller gets a table whose tostring is its message. It has what the runtime knows (`remote`,
// `durableObjectId`, and where true `durableObjectReset`, `overloaded`, `retryable`), and the
// fields of the table that was raised, as far as they can be sent. That something passed through an
// object does not make it true of that object: `remote`, `durableObjectId` and `durableObjectReset`
// are not taken over from the error of another call.

#ifndef OD_ENGINE_FAILURE_H
#define OD_ENGINE_FAILURE_H

#include <lua.h>

#include "link/failure.h"

#define OD_FAILURE_FIELDS_BYTES_MAX (64u << 10) // What does not fit is left out.

void od_failure_open(lua_State *L); // Once a state: native.failure, for lua/engine/calls.lua.

// Puts the fields of the error value on top of [from] (NULL: there is none), for
// [od_failure.fields]. [L] is where code may run: a coroutine that has failed is no place for that.
void od_failure_put_fields(struct od_bytes *fields, lua_State *L, lua_State *from);

#endif
