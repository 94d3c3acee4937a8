// The Lua that is part of the program: open-do's own modules, in lua/.
//
// They run with the whole standard library and are trusted. What they keep to themselves (the table
// `native`, the modules "open-do.*" and "engine.*") no script can reach; a script gets the one
// module "open-do", frozen.

#ifndef OD_ENGINE_EMBEDDED_H
#define OD_ENGINE_EMBEDDED_H

#include <lauxlib.h>

#include "base/slice.h"

// Once a state, with the standard library as its globals: keeps the table `native` (library.h) that
// is on top, popped, and puts the version into native.runtime.
void od_embedded_open(lua_State *L);

// Instead of it, in a state without a runtime: the state's own `require` finds all modules whose
// names begin with "open-do".
void od_embedded_open_library(lua_State *L);

// Adds native[name], a table of functions for the Lua half of a library.
void od_embedded_put_native(lua_State *L, const char *name, const luaL_Reg *functions);

void od_embedded_put_native_table(lua_State *L,
                                  const char *name); // The same: pops the table on top.

// The same: what compiled code can call. [function] as `call`; as `try` the address of what does
// the same by a call of the FFI, with the [engine] as its first argument, or does nothing and says
// so.
void od_embedded_put_native_try(lua_State *L, const char *name, lua_CFunction function, void *try,
                                void *engine);

// The text of the module [name]; it must be there.
od_slice od_embedded_source(const char *name);

// Pops the value on top: from now on od[name], for scripts that are loaded later.
void od_embedded_put_runtime(lua_State *L, const char *name);

// Pushes what the module [name] returns; it is loaded once. Raises when there is none.
void od_embedded_push(lua_State *L, const char *name);

#endif
