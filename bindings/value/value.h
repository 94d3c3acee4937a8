// A Lua value as bytes and back: what storage keeps, sockets carry as attachment and calls between
// objects pass as arguments.
//
// Storable are booleans, numbers (also NaN and the infinities), strings of any bytes, int64 and
// uint64 cdata, od.json.null, and tables of those under string or number keys. A value is copied: a
// table that occurs twice comes back as two. An array made by od.json.array keeps its mark; any
// other metatable is refused, because its behaviour would be lost without a word.
//
// The bytes are a format of our own (value_format.h), not LuaJIT's string.buffer. That one is
// faster (measured: 0.1 against 0.5 us to write a small object, 0.25 against 0.5 us to read it),
// but it drops metatables and takes odd keys without a word, so a second walk would have to check
// everything first, and it cannot say where in a value something is wrong.
// The first byte is the number of the format; formats are only added.
//
// Thread: the state's. Stack: up to 8 free slots are needed, as every C function has them.

#ifndef OD_VALUE_VALUE_H
#define OD_VALUE_VALUE_H

#include <lua.h>

#include "base/bytes.h"
#include "base/error.h"

#define OD_VALUE_DEPTH_MAX 100 // Tables inside each other.
#define OD_VALUES_MAX 1000     // In a list.

// Puts the value at [index] behind what is in [out], at most [bytes_max] bytes. Never raises. On
// false [out] has its old size, and [err] says what is wrong and where: "cannot store a function at
// users[3].socket", or "the value is larger than 2097152 bytes".
OD_MUST_CHECK bool od_value_encode(lua_State *L, int index, struct od_bytes *out, size_t bytes_max,
                                   struct od_error *err);
void od_value_encode_string(struct od_bytes *out, od_slice text); // The same of a string.

// Puts the [count] values from [first] on, as a call passes them: nil is allowed among them. On
// false [err] names the value by [noun] and its place: "argument 2: cannot send a function at
// users[3]", or says, in Cloudflare's words, how large all of them together would be.
OD_MUST_CHECK bool od_values_encode(lua_State *L, int first, int count, const char *noun,
                                    struct od_bytes *out, size_t bytes_max, struct od_error *err);

// Pushes the values of such a list and returns how many; -1 and nothing pushed when it is none.
OD_MUST_CHECK int od_values_decode(lua_State *L, od_slice bytes, struct od_error *err);

// Pushes the value of [bytes], which may be anything; on false nothing is pushed. Raises only when
// the state is out of memory.
OD_MUST_CHECK bool od_value_decode(lua_State *L, od_slice bytes, struct od_error *err);

#endif
