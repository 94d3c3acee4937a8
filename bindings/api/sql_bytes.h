// Queries and rows of SQL as bytes, for a state that asks another process (sql/sql.h).

#ifndef OD_API_SQL_BYTES_H
#define OD_API_SQL_BYTES_H

#include <lua.h>

// A lua_CFunction: query(statement, ...) -> the bytes of a query with these bindings: null,
// booleans, numbers and texts.
int od_sql_bytes_query(lua_State *L);

// A lua_CFunction: rows(bytes) -> names of columns, arrays of values, how many rows were read; or
// nothing: it writes, and was not run.
int od_sql_bytes_rows(lua_State *L);

#endif
