// od_sql_exec (sql.h): one string of statements, from its text to the rows of the last.

#include <string.h>

#include "sql/birth.h"
#include "sql/error.h"
#include "sql/limits.h"
#include "sql/pool.h"

struct run {
    struct od_sql_connection *connection;
    const struct od_sql_query *query;
    struct od_sql_result *result;
    struct od_error *err;
    size_t rows_begin; // In the result's bytes.
    bool is_too_large;
};

// --- The text ------------------------------------------------------------------------------------

static const char *skip_comment(const char *at, const char *end)
{
    bool is_line = at[0] == '-';
    const char *close = is_line ? memchr(at, '\n', (size_t)(end - at))
                                : memmem(at + 2, (size_t)(end - at - 2), "*/", 2);
    if (close == NULL)
        return end;
    return close + (is_line ? 1 : 2);
}

// Whether nothing but blanks, comments and semicolons is left.
static bool is_rest_empty(const char *at, const char *end)
{
    while (at < end) {
        bool may_be_comment = end - at >= 2;
        if (strchr(" \t\r\n\f;", *at) != NULL)
            at++;
        else if (may_be_comment && (memcmp(at, "--", 2) == 0 || memcmp(at, "/*", 2) == 0))
            at = skip_comment(at, end);
        else
            return false;
    }
    return true;
}

static const char *end_of(const struct od_sql_query *query)
{
    return query->text.at + query->text.size;
}

// --- Values in and out ---------------------------------------------------------------------------

static int bind(sqlite3_stmt *statement, int place, const struct od_sql_value *value)
{
    const char *at = value->bytes.size > 0 ? value->bytes.at : "";
    switch (value->kind) {
    case OD_SQL_INTEGER:
        return sqlite3_bind_int64(statement, place, value->integer);
    case OD_SQL_REAL:
        return sqlite3_bind_double(statement, place, value->real);
    case OD_SQL_TEXT:
        return sqlite3_bind_text64(statement, place, at, value->bytes.size, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case OD_SQL_BLOB:
        return sqlite3_bind_blob64(statement, place, at, value->bytes.size, SQLITE_STATIC);
    case OD_SQL_NULL:
        return sqlite3_bind_null(statement, place);
    }
    OD_UNREACHABLE("a kind of value that is not in the list");
}

static bool bind_all(struct run *run, sqlite3_stmt *statement, bool is_last)
{
    size_t wanted = (size_t)sqlite3_bind_parameter_count(statement);
    size_t given = is_last ? run->query->binding_count : 0;
    if (!is_last && wanted > 0)
        return od_error_set(run->err, "bindings belong to the last statement, but there is one in "
                                      "a statement before it");
    if (wanted != given)
        return od_error_set(run->err,
                            "Wrong number of parameter bindings for SQL query: it has %zu, %zu "
                            "were given",
                            wanted, given);
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < given; i++)
        code = bind(statement, (int)i + 1, &run->query->bindings[i]);
    return code == SQLITE_OK || od_error_set(run->err, "a binding cannot be used: %s",
                                             sqlite3_errmsg(run->connection->db));
}

static void put_u64(struct od_bytes *bytes, enum od_sql_kind kind, uint64_t value)
{
    od_bytes_put_u8(bytes, (uint8_t)kind);
    od_bytes_put_u64(bytes, value);
}

static void put_real(struct od_bytes *bytes, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_u64(bytes, OD_SQL_REAL, bits);
}

static void put_bytes(struct od_bytes *bytes, enum od_sql_kind kind, const void *at, int size)
{
    od_bytes_put_u8(bytes, (uint8_t)kind);
    od_bytes_put_string(bytes, (od_slice){at, at == NULL ? 0 : (size_t)size});
}

void od_sql_value_put(struct od_bytes *bytes, const struct od_sql_value *value)
{
    if (value->kind == OD_SQL_INTEGER)
        put_u64(bytes, OD_SQL_INTEGER, (uint64_t)value->integer);
    else if (value->kind == OD_SQL_REAL)
        put_real(bytes, value->real);
    else if (value->kind == OD_SQL_NULL)
        od_bytes_put_u8(bytes, OD_SQL_NULL);
    else
        put_bytes(bytes, value->kind, value->bytes.at, (int)value->bytes.size);
}

static void put_column(struct od_bytes *bytes, sqlite3_stmt *statement, int column)
{
    const void *at;
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        put_u64(bytes, OD_SQL_INTEGER, (uint64_t)sqlite3_column_int64(statement, column));
        break;
    case SQLITE_FLOAT:
        put_real(bytes, sqlite3_column_double(statement, column));
        break;
    case SQLITE_TEXT:
        at = sqlite3_column_text(statement, column);
        put_bytes(bytes, OD_SQL_TEXT, at, sqlite3_column_bytes(statement, column));
        break;
    case SQLITE_BLOB:
        at = sqlite3_column_blob(statement, column);
        put_bytes(bytes, OD_SQL_BLOB, at, sqlite3_column_bytes(statement, column));
        break;
    default:
        od_bytes_put_u8(bytes, OD_SQL_NULL);
    }
}

void od_sql_value_read(struct od_cursor *cursor, struct od_sql_value *value)
{
    uint64_t bits;
    *value = (struct od_sql_value){.kind = (enum od_sql_kind)od_cursor_u8(cursor)};
    switch (value->kind) {
    case OD_SQL_INTEGER:
        value->integer = (int64_t)od_cursor_u64(cursor);
        break;
    case OD_SQL_REAL:
        bits = od_cursor_u64(cursor);
        memcpy(&value->real, &bits, sizeof bits);
        break;
    case OD_SQL_TEXT:
    case OD_SQL_BLOB:
        value->bytes = od_cursor_string(cursor);
        break;
    case OD_SQL_NULL:
        break;
    }
}

// --- Running -------------------------------------------------------------------------------------

static void put_names(struct run *run, sqlite3_stmt *statement)
{
    int count = sqlite3_column_count(statement);
    run->result->column_count = (uint32_t)count;
    for (int i = 0; i < count; i++)
        od_bytes_put_string(run->result->bytes, od_slice_of(sqlite3_column_name(statement, i)));
    run->rows_begin = run->result->bytes->size;
}

static void put_row(struct run *run, sqlite3_stmt *statement)
{
    OD_ASSERT(run->result->bytes->size >= run->rows_begin);
    int count = sqlite3_column_count(statement);
    for (int i = 0; i < count; i++)
        put_column(run->result->bytes, statement, i);
    run->result->row_count++;
    run->is_too_large = run->result->bytes->size - run->rows_begin > OD_SQL_ROWS_BYTES_MAX;
    if (run->is_too_large)
        sqlite3_interrupt(run->connection->db); // Which undoes it, when it writes.
}

static int step_all(struct run *run, sqlite3_stmt *statement, bool is_last)
{
    int code;
    bool has_names = false;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (!is_last || run->is_too_large)
            continue;
        if (!has_names) // Now and not before: the first step may compile it anew.
            put_names(run, statement);
        has_names = true;
        put_row(run, statement);
    }
    if (is_last && !has_names)
        put_names(run, statement);
    run->result->rows_read +=
        (uint64_t)sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
    return code;
}

static enum od_sql_end fail(struct run *run, int code, const char *at)
{
    OD_ASSERT(code != SQLITE_OK);
    struct od_sql_connection *connection = run->connection;
    if (run->is_too_large)
        od_error_set(run->err,
                     "the rows of one query are more than %u bytes; use LIMIT and go on where it "
                     "ended",
                     OD_SQL_ROWS_BYTES_MAX);
    else
        od_sql_error(connection, code, run->query->text, at, run->err);
    connection->is_broken = connection->parts > 0 && sqlite3_get_autocommit(connection->db) != 0;
    return connection->is_broken ? OD_SQL_BROKEN : OD_SQL_FAILED;
}

static enum od_sql_end refuse_writing(const struct run *run)
{
    od_error_set(run->err, "the statement writes, and here only reading is allowed");
    return OD_SQL_FAILED;
}

static enum od_sql_end run_statement(struct run *run, sqlite3_stmt *statement, const char *at,
                                     bool is_last)
{
    OD_ASSERT(statement != NULL);
    struct od_sql_connection *connection = run->connection;
    if (!bind_all(run, statement, is_last))
        return OD_SQL_FAILED;
    run->result->would_write = run->query->is_read_only && !sqlite3_stmt_readonly(statement);
    if (run->result->would_write)
        return refuse_writing(run);
    if (!sqlite3_stmt_readonly(statement) && !od_sql_connection_begin_parts(connection, run->err))
        return OD_SQL_FAILED;
    sqlite3_int64 changes = sqlite3_total_changes64(connection->db);
    OD_ASSERT(connection->running == NULL);
    connection->running = statement;
    int code = step_all(run, statement, is_last);
    connection->running = NULL;
    run->result->rows_written += (uint64_t)(sqlite3_total_changes64(connection->db) - changes);
    return code == SQLITE_DONE ? OD_SQL_DONE : fail(run, code, at);
}

// Compiles the statement that begins at [at]; NULL: there is none before [tail].
static bool compile(struct run *run, const char *at, sqlite3_stmt **statement, const char **tail)
{
    OD_ASSERT(at <= end_of(run->query));
    struct od_sql_connection *connection = run->connection;
    const char *end = end_of(run->query);
    connection->guard.sees_alter = false;
    connection->guard.refusal = NULL;
    int code = sqlite3_prepare_v3(connection->db, at, (int)(end - at), SQLITE_PREPARE_PERSISTENT,
                                  statement, tail);
    if (code != SQLITE_OK)
        return od_sql_error(connection, code, run->query->text, at, run->err);
    if (!connection->guard.sees_alter || !od_sql_guard_names_ours(at, (size_t)(*tail - at)))
        return true;
    sqlite3_finalize(*statement);
    return od_error_set(run->err, "names that begin with _cf_ or _od_ are reserved: SQLITE_AUTH");
}

// A text that is one statement is kept compiled.
static void put_away(struct run *run, sqlite3_stmt *statement, bool is_whole)
{
    od_slice text = run->query->text;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (is_whole && !run->query->is_trusted && text.size <= OD_SQL_STATEMENTS_BYTES / 4)
        od_sql_connection_cache(run->connection, text, statement);
    else
        sqlite3_finalize(statement);
}

static enum od_sql_end run_text(struct run *run)
{
    const char *at = run->query->text.at, *end = end_of(run->query), *tail;
    sqlite3_stmt *statement;
    for (; !is_rest_empty(at, end); at = tail) {
        if (!compile(run, at, &statement, &tail))
            return OD_SQL_FAILED;
        if (statement == NULL)
            continue;
        bool is_last = is_rest_empty(tail, end);
        enum od_sql_end how = run_statement(run, statement, at, is_last);
        put_away(run, statement, is_last && at == run->query->text.at);
        if (how != OD_SQL_DONE || is_last)
            return how;
    }
    od_error_set(run->err, "SQL code did not contain a statement.");
    return OD_SQL_FAILED;
}

static enum od_sql_end run_cached(struct run *run, sqlite3_stmt *statement)
{
    run->connection->guard.refusal = NULL;
    enum od_sql_end how = run_statement(run, statement, run->query->text.at, true);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return how;
}

static bool check_text(od_slice text, struct od_error *err)
{
    if (text.size > OD_SQL_TEXT_BYTES_MAX)
        return od_error_set(err, "SQL cannot be longer than %u bytes; it has %zu",
                            OD_SQL_TEXT_BYTES_MAX, text.size);
    if (text.size > 0 && memchr(text.at, 0, text.size) != NULL)
        return od_error_set(err, "SQL cannot have a zero byte in it; use a binding");
    return true;
}

static enum od_sql_end run_query(struct run *run)
{
    struct od_sql_connection *connection = run->connection;
    const struct od_sql_query *query = run->query;
    sqlite3_stmt *cached =
        query->is_trusted ? NULL : od_sql_connection_cached(connection, query->text);
    connection->is_refused = false;
    od_sql_connection_limit(connection, query->deadline_us);
    connection->guard.is_trusted = query->is_trusted;
    connection->guard.sees_more = cached != NULL || connection->guard.has_switched;
    enum od_sql_end end = cached != NULL ? run_cached(run, cached) : run_text(run);
    connection->guard.is_trusted = false;
    return end;
}

enum od_sql_end od_sql_exec(struct od_storage *storage, const struct od_sql_query *query,
                            struct od_sql_result *result, struct od_error *err)
{
    struct run run = {.query = query, .result = result, .err = err};
    OD_ASSERT(result->bytes != NULL);
    if (!check_text(query->text, err))
        return OD_SQL_FAILED;
    bool is_birth = od_sql_birth_is_near(storage, query);
    if (is_birth && od_sql_birth_repeat(storage, query, result))
        return OD_SQL_DONE;
    if (!od_sql_pool_get(storage, &run.connection, err))
        return OD_SQL_FAILED;
    if (run.connection->is_broken) {
        od_error_set(err, "the transaction has ended by an earlier SQL critical error");
        return OD_SQL_BROKEN;
    }
    enum od_sql_end end = run_query(&run);
    if (is_birth && end == OD_SQL_DONE && !run.connection->guard.sees_more)
        od_sql_birth_note(storage, query, result);
    return end;
}
