// SQL in an object: statements over a database that is kept in the pages of its storage.
//
// A statement is run to its end at once, and its rows are copied. So nothing of SQLite is open when
// it returns: the object can sleep, be reset or wait at any time, and a result is a snapshot.
//
// Every statement is a transaction of its own, whose pages land in the open stretch of the storage
// beside the keys; the end of the stretch makes all of it durable, or none. A part of a stretch
// (od_storage_begin_part) is a savepoint of SQLite, begun when a statement first writes inside it.
//
// The connection (connection.h) is a cache, like the instance: the storage closes it when what it
// has read is no longer true, or when the object sleeps, and the next statement opens it anew.
//
// Process: workers. Thread: the loop's.

#ifndef OD_SQL_SQL_H
#define OD_SQL_SQL_H

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/error.h"
#include "store/storage.h"

enum od_sql_kind {
    OD_SQL_NULL,
    OD_SQL_INTEGER,
    OD_SQL_REAL,
    OD_SQL_TEXT,
    OD_SQL_BLOB,
};

struct od_sql_value {
    enum od_sql_kind kind;
    int64_t integer;
    double real;
    od_slice bytes; // TEXT, BLOB
};

struct od_sql_query {
    od_slice text;                       // Of one or several statements.
    const struct od_sql_value *bindings; // Of the last one.
    size_t binding_count;
    bool is_trusted;     // It is ours, and not a script's.
    bool is_read_only;   // A statement that writes is refused before it has done anything.
    int64_t deadline_us; // By od_clock_passed_us; then it is interrupted.
};

// What the last statement gave. Owner: the caller, zeroed to begin with; [bytes] is its memory.
struct od_sql_result {
    struct od_bytes *bytes; // (str column)*, then the values of all rows, as od_sql_value_read
                            // reads them.
    uint32_t column_count;
    uint64_t row_count;
    uint64_t rows_read;    // About: those returned, and steps of whole scans.
    uint64_t rows_written; // Of all statements; without rows of indices.
    bool would_write;      // That is why it failed: see is_read_only.
};

enum od_sql_end {
    OD_SQL_DONE,
    OD_SQL_FAILED, // That statement has done nothing; those before it stay.
    OD_SQL_BROKEN, // Neither has the transaction it was in: the object must be reset.
};

OD_MUST_CHECK enum od_sql_end od_sql_exec(struct od_storage *storage,
                                          const struct od_sql_query *query,
                                          struct od_sql_result *result, struct od_error *err);

// A value, written and read as those of a result are; [value] is borrowed from what it is read of.
void od_sql_value_put(struct od_bytes *bytes, const struct od_sql_value *value);
void od_sql_value_read(struct od_cursor *cursor, struct od_sql_value *value);

// How large the database is, without its free pages.
uint64_t od_sql_size_bytes(struct od_storage *storage);

struct od_sql_status {
    uint32_t open;  // Connections,
    uint64_t bytes; // and what they hold.
};

struct od_sql_status od_sql_status(void);

#endif
