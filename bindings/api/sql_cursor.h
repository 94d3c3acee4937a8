// What exec returns: the rows of a query, and the way through them.

#ifndef OD_API_SQL_CURSOR_H
#define OD_API_SQL_CURSOR_H

#include <lauxlib.h>

#include "sql/sql.h"

void od_lib_sql_cursor_open(lua_State *L); // Once a state.

void od_sql_cursor_push(lua_State *L, const struct od_sql_result *result);

#endif
