// The connection to one object's database, and all of a worker's.
//
// It is the pager of its storage: that tells it when a part of a stretch begins or ends, and closes
// it when what it has read is no longer true. A connection costs 20 to 50 KiB and opening one some
// 30 us, so a worker keeps those it used last: a few with their caches, more without, and never so
// many that they take more memory than all may.
//
// SQLite's settings are a process's, and so is this list of connections.
//
// Private to the layer. Owner: the list; freed by od_sql_connection_close, or the storage.

#ifndef OD_SQL_CONNECTION_H
#define OD_SQL_CONNECTION_H

#include "base/error.h"
#include "base/list.h"
#include "sql/guard.h"
#include "sql/sql.h"
#include "sql/vfs.h"

struct od_sql_statement {
    struct od_list link; // In the connection's, longest unused first.
    sqlite3_stmt *compiled;
    char *text;
    size_t size;
};

struct od_sql_connection {
    struct od_pager pager;
    struct od_storage *storage;
    sqlite3 *db;
    struct od_sql_file *file;
    struct od_sql_guard guard;
    struct od_list open; // Among all, longest unused first.
    struct od_list warm; // Among those that keep their caches.
    struct od_list statements;
    size_t statement_count, statement_bytes;
    int64_t deadline_us;
    uint32_t parts;  // Savepoints that are open: as many as parts of the stretch, or none.
    bool is_broken;  // The transaction has ended before its time.
    bool is_refused; // The commit hook has found no room.
};

// That of [storage], opened when there is none.
OD_MUST_CHECK bool od_sql_connection_of(struct od_storage *storage,
                                        struct od_sql_connection **connection,
                                        struct od_error *err);

// Before a statement that writes: there is a savepoint for each part of the stretch.
OD_MUST_CHECK bool od_sql_connection_begin_parts(struct od_sql_connection *connection,
                                                 struct od_error *err);

// A statement with that text, compiled before; NULL: none. It is the cache's.
sqlite3_stmt *od_sql_connection_cached(struct od_sql_connection *connection, od_slice text);
void od_sql_connection_cache(struct od_sql_connection *connection, od_slice text,
                             sqlite3_stmt *compiled); // Takes it.

#endif
