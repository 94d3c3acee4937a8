// JSON for scripts: od.json, which is also what Request:json and Response.json use.
//
// Strict in both directions (RFC 8259 and nothing else): UTF-8 is checked, what follows the value
// is refused, NaN and infinity have no text. A number is printed with the fewest digits that read
// back as the same number. Errors name a line and column when reading, a path (".users[3].x") when
// writing.
//
// The parser is our own. Checked with libyajl 2.1: it accepts overlong and surrogate UTF-8 and
// turns a lone \ud800 into "?", and its callbacks would have to survive Lua's long jumps.
//
// null is the light userdata NULL, as in lua-cjson. An array is a table with the mark of
// od.json.array; decode marks every array, so that [] stays [] when it is written again.

#ifndef OD_VALUE_JSON_H
#define OD_VALUE_JSON_H

#include <lua.h>

#include "base/bytes.h"
#include "base/error.h"

#define OD_JSON_DEPTH_MAX 1000
#define OD_JSON_BYTES_MAX (64u << 20) // Of a text, in both directions.

// Pushes a table: encode, decode, array, null, and try_encode and try_decode, which give nil and a
// text instead of raising; try_encode(value, true) writes each empty table as [].
void od_json_open(lua_State *L);

// Under the names of lua-cjson, for lua/open-do/cjson.lua: two metatables that scripts may set,
// `array_mt` and `empty_array_mt` (an array while the table is empty), and `empty_array`, a value.

// json.array's mark: a metatable that scripts can neither see nor change.
void od_json_push_mark(lua_State *L);
void od_json_mark_array(lua_State *L, int index);
bool od_json_is_array(lua_State *L, int index); // Does not raise.

// Text of the value at [index] behind what is in [out]. Never raises; on false [out] is as it was.
OD_MUST_CHECK bool od_json_encode(lua_State *L, int index, struct od_bytes *out,
                                  struct od_error *err);

// Pushes the value of [text], which is followed by a zero byte, as Lua's strings are. On false
// nothing is pushed. Raises only when the state is out of memory.
OD_MUST_CHECK bool od_json_decode(lua_State *L, od_slice text, struct od_error *err);

#endif
