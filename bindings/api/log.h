// print and od.log: lines of the log that carry the object's name.

#ifndef OD_API_LOG_H
#define OD_API_LOG_H

#include <lua.h>

#define OD_LOG_LINE_BYTES_MAX (64u << 10) // The rest of a longer line is cut off.
#define OD_LOG_FIELDS_MAX 32              // A table with more is a value like others.

void od_lib_log_put(lua_State *L); // log and print, into the table on top.

#endif
