// `storage.sql`: SQL of an object, through runtime/sql.
//
// exec runs to its end and gives a cursor, a userdata with all rows as bytes (api/sql_cursor.h), so
// they count as memory of the script, and the cursor is good for as long as it is kept.

#ifndef OD_API_SQL_H
#define OD_API_SQL_H

#include <lauxlib.h>

#include "engine/handle.h"

void od_lib_sql_open(lua_State *L); // Once a state: the kinds, and native.sql for storage:migrate.
void od_lib_sql_put(lua_State *L);  // od.blob, into the table on top.

void od_sql_push(lua_State *L, od_handle instance);

#endif
