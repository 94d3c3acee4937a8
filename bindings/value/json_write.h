// The writing half of json.h, for callers that may raise: without the guard.

#ifndef OD_VALUE_JSON_WRITE_H
#define OD_VALUE_JSON_WRITE_H

#include <lua.h>

#include "base/bytes.h"
#include "base/error.h"

enum od_json_style {
    OD_JSON_PLAIN,
    OD_JSON_EMPTY_IS_ARRAY, // Each empty table is [].
};

// As od_json_encode, but raises when the Lua stack cannot grow; [out] is then the caller's to
// reset.
OD_MUST_CHECK bool od_json_write(lua_State *L, int index, enum od_json_style style,
                                 struct od_bytes *out, struct od_error *err);

void *od_json_empty_array(void); // The light userdata that is written as [].

#endif
