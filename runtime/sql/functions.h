// SQL functions in place of those of SQLite whose time grows with the square of what they are
// given: instr and replace. One call of them can take a minute, in which no statement can be
// interrupted.

#ifndef OD_SQL_FUNCTIONS_H
#define OD_SQL_FUNCTIONS_H

#include <sqlite3.h>

int od_sql_functions_add(sqlite3 *db); // Returns SQLite's codes.

#endif
