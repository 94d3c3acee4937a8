// od.now and od.sleep.

#ifndef OD_API_TIME_H
#define OD_API_TIME_H

#include <stdint.h>

#include <lua.h>

#define OD_SLEEP_MS_MAX 2147483647 // As for timers in browsers: 24 days.

// Argument [index] of a function called with a dot: a number of milliseconds from [ms_min] to
// OD_SLEEP_MS_MAX, rounded up.
int64_t od_check_ms(lua_State *L, int index, const char *call, int ms_min);

void od_lib_time_put(lua_State *L); // Into the table on top.

#endif
