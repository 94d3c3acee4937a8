// What two first pages tell about the schemas of two databases, without asking SQLite.
//
// Private to the layer. A page has OD_STORE_PAGE_BYTES; one of zeros is that of no database.

#ifndef OD_SQL_SCHEMA_H
#define OD_SQL_SCHEMA_H

#include <stdbool.h>

// Whether what is known of the schema of a database with this first page is known of others with
// the same one: all of it stands in the page, and no virtual table, which knows more than that, is
// in it.
bool od_sql_schema_can_be_kept(const char *page);

bool od_sql_schema_is_same(const char *a, const char *b); // True is certain.

#endif
