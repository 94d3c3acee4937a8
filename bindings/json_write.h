// The writing half of json.h, for callers that may raise: without the guard.

#ifndef OD_BINDINGS_JSON_WRITE_H
#define OD_BINDINGS_JSON_WRITE_H

#include <lua.h>

#include "base/bytes.h"
#include "base/error.h"

// As od_json_encode, but raises when the Lua stack cannot grow; [out] is then the caller's to
// reset.
OD_MUST_CHECK bool od_json_write(lua_State *L, int index, struct od_bytes *out,
                                 struct od_error *err);

#endif
