// What a script can reach: the safe part of the standard library and module "open-do", frozen.
//
// Not there: io, os but for time and date, debug, package, ffi, jit, bytecode, and whatever changes
// the environment of a function or makes userdata. `load` takes text only; `require` finds files
// beside the script and "open-do"; `collectgarbage` only counts. Strings have their methods, but
// their metatable is locked. Globals can be read; writing one is an error, because it would be
// shared by all objects of the worker and lost with it.

#ifndef OD_ENGINE_SANDBOX_H
#define OD_ENGINE_SANDBOX_H

#include <lua.h>

void od_sandbox_open_standard(lua_State *L); // All of it, for open-do's own modules.

// Makes the globals of scripts and gives them to the state: chunks and coroutines from here on see
// nothing else.
void od_sandbox_open(lua_State *L);

#endif
