// SQLite's own functions where ours stand in their place and only look at what they are given.
//
// A function that is replaced cannot be called by its name any more. So there is a second
// connection, without a database, in which it still can.
//
// Private to the layer. Process: one for all.

#ifndef OD_SQL_PLAIN_H
#define OD_SQL_PLAIN_H

#include <sqlite3.h>

// The result of [context] is that of SQLite's [name], a literal.
void od_sql_plain_call(sqlite3_context *context, const char *name, int count,
                       sqlite3_value **values);

#endif
