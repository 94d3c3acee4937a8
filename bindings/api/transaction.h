// storage:transaction, the C half: native.transaction, and `txn`, what the script's function is
// given. The other half is in lua/engine/calls.lua, as that function is called from there.
//
// An error in the function rolls back and goes on to whoever catches it, as the same value. By then
// the way to it has left the stack, so it is taken where the error was raised (error_report.h).

#ifndef OD_API_TRANSACTION_H
#define OD_API_TRANSACTION_H

#include <lua.h>

void od_lib_transaction_open(lua_State *L); // Once a state, after lib_storage.

#endif
