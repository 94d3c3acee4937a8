// highlight and snippet of full-text search, in place of FTS5's, whose time grows with the square
// of how often a word stands in the text: two hours for the same word a million times.
//
// Private to the layer.

#ifndef OD_SQL_FTS_H
#define OD_SQL_FTS_H

#include <sqlite3.h>

int od_sql_fts_add(sqlite3 *db); // Returns SQLite's codes.

#endif
