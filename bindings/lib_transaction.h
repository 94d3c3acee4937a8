// storage:transaction, the C half: native.transaction, and `txn`, what the script's function is
// given. The other half is in lua/engine/calls.lua, as that function is called from there.
//
// An error in the function rolls back and goes on to whoever catches it, as the same value. By then
// the way to it has left the stack, so it is taken where the error was raised (blame.h).

#ifndef OD_BINDINGS_LIB_TRANSACTION_H
#define OD_BINDINGS_LIB_TRANSACTION_H

#include <lauxlib.h>

#include "object/object.h"

void od_lib_transaction_open(lua_State *L); // Once a state, after lib_storage.

// The object of the `txn` that is the argument before the first of the method [call]; NULL: it is
// something else. Raises when its transaction is rolled back or over.
struct od_object *od_transaction_self(lua_State *L, const char *call);

#endif
