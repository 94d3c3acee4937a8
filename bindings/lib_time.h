// od.now and od.sleep.

#ifndef OD_BINDINGS_LIB_TIME_H
#define OD_BINDINGS_LIB_TIME_H

#include <lua.h>

#define OD_SLEEP_MS_MAX 2147483647 // As for timers in browsers: 24 days.

void od_lib_time_put(lua_State *L); // Into the table on top.

#endif
