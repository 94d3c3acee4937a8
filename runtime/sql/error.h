// What SQLite said, for the person who wrote the statement: its words, the name of its code, and
// the line of SQL with a caret.

#ifndef OD_SQL_ERROR_H
#define OD_SQL_ERROR_H

#include "sql/connection.h"

// Sets [err] after a call of SQLite gave [code]. [text] is what is being run, [statement] the rest
// of it from the statement in question on. Returns false.
bool od_sql_error(struct od_sql_connection *connection, int code, od_slice text,
                  const char *statement, struct od_error *err);

#endif
