// od.all, od.allSettled and od.race: functions side by side. The Lua half is
// lua/engine/branches.lua.

#ifndef OD_API_BRANCHES_H
#define OD_API_BRANCHES_H

#include <lua.h>

void od_lib_branches_open(lua_State *L);

#endif
