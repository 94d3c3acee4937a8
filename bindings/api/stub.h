// Stubs: `stub:fetch(request)` and `stub:anyMethod(...)`, by which objects call each other.
//
// Both are a call (object/call.h), begun here and ended in lua/engine/calls.lua, since C cannot go
// on after a yield. Arguments are bytes before the call leaves, also when the object lives in the
// same worker: it always gets copies, taken at the moment of the call.

#ifndef OD_API_STUB_H
#define OD_API_STUB_H

#include <lua.h>

void od_lib_stub_open(lua_State *L); // Once a state; puts native.stub.

#endif
