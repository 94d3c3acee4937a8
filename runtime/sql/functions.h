// SQL functions in place of those of SQLite: instr and replace, whose time grows with the square of
// what they are given (one call can take a minute, in which no statement can be interrupted);
// changes and total_changes, which would tell an object of those that had its connection before.

#ifndef OD_SQL_FUNCTIONS_H
#define OD_SQL_FUNCTIONS_H

#include "sql/guard.h"

// Returns SQLite's codes.
int od_sql_functions_add(sqlite3 *db, struct od_sql_guard *guard);

#endif
