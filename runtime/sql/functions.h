// SQL functions in place of those of SQLite.
//
// One call of a function cannot be interrupted, and some take minutes: the time of instr, replace
// and the three of trim grows with the square of what they are given, and that of printf with a
// number in it. These do what SQLite's do in less, or refuse what would take too long, as
// json_patch. And changes and total_changes would tell an object of those that had its connection
// before.

#ifndef OD_SQL_FUNCTIONS_H
#define OD_SQL_FUNCTIONS_H

#include "sql/guard.h"

// Returns SQLite's codes.
int od_sql_functions_add(sqlite3 *db, struct od_sql_guard *guard);

#endif
