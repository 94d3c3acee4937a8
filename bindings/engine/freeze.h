// Frozen tables: what all scripts of a state share and none may change.
//
// A frozen table is an empty table through which the real one is read. The real one is out of
// reach, and the empty one stays empty: assignments raise, and the sandbox's rawset and
// setmetatable refuse it too. So code of one namespace cannot change what `string.format` is for
// another.
//
// The price: `pairs` finds nothing in a frozen table.
//
// What marks one is a metatable locked with `__metatable = false`, so the tables that the Lua half
// of the library locks (lua/open-do) are frozen in the same sense.

#ifndef OD_ENGINE_FREEZE_H
#define OD_ENGINE_FREEZE_H

#include <stdbool.h>

#include <lua.h>

// Replaces the table on top of the stack by a frozen one. [name] is for the error: "the table
// 'string' is read-only".
void od_freeze(lua_State *L, const char *name);

// The same, with a function (table, key, value) of one's own that raises at assignments.
void od_freeze_with(lua_State *L, lua_CFunction refuse);

bool od_is_frozen(lua_State *L, int index);

#endif
