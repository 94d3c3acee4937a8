// The 64-bit integers of LuaJIT's FFI (1LL, 1ULL) as seen from C, which has no API for them.

#ifndef OD_VALUE_INT64_H
#define OD_VALUE_INT64_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#define OD_LUA_TCDATA 10 // What lua_type says of any cdata; lua.h has no name for it.

enum od_int64_kind {
    OD_INT64_NONE, // Not a 64-bit integer.
    OD_INT64_SIGNED,
    OD_INT64_UNSIGNED,
};

void od_int64_open(lua_State *L); // Once a state; opens the FFI library when nobody has.

// May raise (it asks ffi.istype), like all of these.
enum od_int64_kind od_int64_kind(lua_State *L, int index);
uint64_t od_int64_bits(lua_State *L, int index); // Of a value whose kind is not NONE.
void od_int64_push(lua_State *L, enum od_int64_kind kind, uint64_t bits);

#endif
