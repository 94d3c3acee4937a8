// How databases begin: what statements that only make tables and indices made of an object without
// a database.
//
// An object's first statements are mostly these, and the same in all objects of its class; what
// they write is the same too, to the byte. To run them takes SQLite longer than all the rest of an
// object's first event. So the pages are kept, and the next object whose first statements have that
// text gets them without SQLite.
//
// Private to the layer.

#ifndef OD_SQL_BIRTH_H
#define OD_SQL_BIRTH_H

#include "sql/sql.h"

// Whether [storage] has no database yet, and [query] could be known for what it makes of it.
bool od_sql_birth_is_near(struct od_storage *storage, const struct od_sql_query *query);

// Does what [query] would do. False: it is not known.
bool od_sql_birth_repeat(struct od_storage *storage, const struct od_sql_query *query,
                         struct od_sql_result *result);

// [query] has been run in a storage without a database, did nothing but make tables and the like,
// and gave this.
void od_sql_birth_note(struct od_storage *storage, const struct od_sql_query *query,
                       const struct od_sql_result *result);

#endif
