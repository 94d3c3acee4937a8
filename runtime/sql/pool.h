// The connections of a worker: some belong to an object each, some are idle.
//
// To open one and read a schema takes SQLite longer than most statements. So an object that needs
// one gets an idle one, best of all one that knows its schema already: objects of one class have
// the same. There are so few that the objects used last have theirs with its cache; from the object
// that has not used its own for the longest time it is taken away.
//
// SQLite's settings are a process's, and so is the pool.
//
// Private to the layer.

#ifndef OD_SQL_POOL_H
#define OD_SQL_POOL_H

#include "sql/connection.h"

// That of [storage], which gets one when it has none.
OD_MUST_CHECK bool od_sql_pool_get(struct od_storage *storage,
                                   struct od_sql_connection **connection, struct od_error *err);

#endif
