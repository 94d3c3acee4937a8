// A connection to the database of one object: SQLite's, and what we know of it.
//
// It is the pager of its storage: that tells it when a part of a stretch begins or ends, and lets
// go of it when what it has read is no longer true. Then it is idle: it keeps its compiled
// statements and what it knows of the schema, but no page, and waits for another object (pool.h).
//
// What of it could tell one object of another is undone when it is detached; if it cannot be, like
// a PRAGMA that a script has switched, it is not used again.
//
// Private to the layer. Owner: the pool.

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
    struct od_storage *storage; // NULL while it is idle.
    sqlite3 *db;
    struct od_sql_file *file;
    struct od_sql_guard guard;
    struct od_list link;                                   // In the pool, longest unused first.
    void (*release)(struct od_sql_connection *connection); // Its storage does not want it.
    struct od_list statements;
    size_t statement_count, statement_bytes;
    sqlite3_stmt *running; // A script's; nothing else is interrupted.
    int64_t deadline_us;
    int64_t looked_us; // When it was last looked at the clock,
    int look_steps;    // and after how many steps it is again.
    uint32_t parts;    // Savepoints that are open: as many as parts of the stretch, or none.
    bool is_broken;    // The transaction has ended before its time.
    bool is_refused;   // The commit hook has found no room.
    char *first_page;  // While it is idle: that of the database whose schema it knows.
};

extern const char od_sql_damaged[]; // What is said of a database that is.

// A new one for [storage], whose first page is in order. NULL: [err] says why. The pool sets
// [release].
struct od_sql_connection *od_sql_connection_open(struct od_storage *storage, struct od_error *err);

// An idle one is [storage]'s now. [knows_schema]: it is the schema that it knows.
void od_sql_connection_attach(struct od_sql_connection *connection, struct od_storage *storage,
                              bool knows_schema);

// It is idle now. False: free it instead.
OD_MUST_CHECK bool od_sql_connection_detach(struct od_sql_connection *connection);
void od_sql_connection_free(struct od_sql_connection *connection);

// Before a statement that writes: there is a savepoint for each part of the stretch.
OD_MUST_CHECK bool od_sql_connection_begin_parts(struct od_sql_connection *connection,
                                                 struct od_error *err);

// Before a query: it is interrupted at [deadline_us].
void od_sql_connection_limit(struct od_sql_connection *connection, int64_t deadline_us);

// A statement with that text, compiled before; NULL: none. It is the cache's.
sqlite3_stmt *od_sql_connection_cached(struct od_sql_connection *connection, od_slice text);
void od_sql_connection_cache(struct od_sql_connection *connection, od_slice text,
                             sqlite3_stmt *compiled); // Takes it.

#endif
