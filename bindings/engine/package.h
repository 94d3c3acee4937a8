// The table `package` of scripts: what modules written for any Lua look at, and nothing to change.
//
// There are `config` and `path` (which say what `require` does, and are not asked by it), `loaded`
// (what it has loaded, as it is now), and `searchpath`, which finds nothing, as scripts have no
// files. All of it is frozen: a module that wants to put something there gets an error that says
// so. What leads to other ways of loading (`preload`, `loaders`, `cpath`, `loadlib`) is not there.

#ifndef OD_ENGINE_PACKAGE_H
#define OD_ENGINE_PACKAGE_H

#include <lua.h>

void od_package_push(lua_State *L);

#endif
