// The part of module "open-do" that knows nothing of objects: JSON, hashes and encodings, URLs,
// HTTP messages. A state gets it once, before any script; the rest of these C files works only
// after that.
//
// The Lua half is in lua/open-do. The engine loads it like this:
//
//   1. od_lib_open pushes the table `native`.
//   2. The engine puts what it adds to the module (WebSocketPair, now, sleep, log, fetch, version)
//      into the table `native.runtime`, which is there and empty. init.lua copies those names.
//   3. Each file of od_modules is a chunk, called as chunk(name, native), that returns its module.
//      Files require each other by name ("open-do.headers"), so while they load, their `require`
//      must find other rows of od_modules, each loaded once a state, with the same `native`.
//      Nothing else of the environment is looked up after loading: the chunks keep what they need
//      of the standard library in locals, so what a script does to its own globals does not reach
//      them.
//   4. Only what "open-do" returns is given to scripts, never `native` nor "open-do.*".
//
// It needs the FFI library for int64 cdata and opens it when it is not loaded. The sandbox hides
// it.

#ifndef OD_VALUE_LIBRARY_H
#define OD_VALUE_LIBRARY_H

#include <lua.h>

void od_lib_open(lua_State *L);

#endif
