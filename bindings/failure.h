// An error of another object, as a script sees it: a table with `message` and `remote`, whose
// tostring is the message.

#ifndef OD_BINDINGS_FAILURE_H
#define OD_BINDINGS_FAILURE_H

#include <lua.h>

#include "base/slice.h"

void od_failure_push_remote(lua_State *L, od_slice message);

#endif
