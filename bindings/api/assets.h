// env.assets: the files of the script, for itself (object/assets/assets.h).

#ifndef OD_API_ASSETS_H
#define OD_API_ASSETS_H

#include <lua.h>

void od_lib_assets_open(lua_State *L); // Once a state.
void od_assets_push(lua_State *L);     // `env.assets`.

#endif
