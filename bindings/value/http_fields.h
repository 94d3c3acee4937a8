// Header fields of a Lua object as fields of a message. In Lua they are in one of two forms: a
// Headers object, which is an array { name, value, name, value ... }, or, while nobody has asked
// for that, the encoded bytes of link/headers.h as a string.

#ifndef OD_VALUE_HTTP_FIELDS_H
#define OD_VALUE_HTTP_FIELDS_H

#include <lua.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/headers.h"

// Puts the fields at [index] behind what is in [out] and adds their number to [count]. They are
// checked: lower-case tokens for names, no control characters in values. May raise.
OD_MUST_CHECK bool od_http_fields_put_array(lua_State *L, int index, struct od_bytes *out,
                                            uint32_t *count, struct od_error *err);
OD_MUST_CHECK bool od_http_fields_put_encoded(od_slice encoded, struct od_bytes *out,
                                              uint32_t *count, struct od_error *err);

// Pushes the array; it has no metatable yet.
void od_http_fields_push(lua_State *L, struct od_headers headers);

bool od_http_fields_is_token(od_slice text); // Of one character at least, also upper case.

#endif
