#include "sql/connection.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sql/freelist.h"
#include "sql/fts.h"
#include "sql/functions.h"
#include "sql/limits.h"
#include "sql/schema.h"

#define LOOK_US_MIN 1000
#define LOOK_US_MAX 20000

const char od_sql_damaged[] = "it is damaged on disk; its keys and other objects are not concerned "
                              "(storage:deleteAll() begins anew)";

static struct od_sql_connection *of_pager(struct od_pager *pager)
{
    return OD_LIST_MEMBER(pager, struct od_sql_connection, pager);
}

// Of one that a storage has.
static void check(const struct od_sql_connection *connection)
{
    OD_ASSERT(connection->db != NULL);
    OD_ASSERT(connection->storage->pager == &connection->pager);
    OD_ASSERT(connection->parts <= connection->storage->parts);
    OD_ASSERT(connection->pager.is_writing == (connection->parts > 0));
    OD_ASSERT((connection->statement_count == 0) == od_list_is_empty(&connection->statements));
}

// --- Compiled statements -------------------------------------------------------------------------

static void forget_statement(struct od_sql_connection *connection,
                             struct od_sql_statement *statement)
{
    OD_ASSERT(connection->statement_count > 0);
    OD_ASSERT(connection->statement_bytes >= statement->size);
    connection->statement_count--;
    connection->statement_bytes -= statement->size;
    sqlite3_finalize(statement->compiled);
    free(statement->text);
    free(statement);
}

static struct od_sql_statement *statement_of(struct od_list *link)
{
    return OD_LIST_MEMBER(link, struct od_sql_statement, link);
}

static void forget_oldest_statement(struct od_sql_connection *connection)
{
    forget_statement(connection, statement_of(od_list_pop_front(&connection->statements)));
}

static void forget_statements(struct od_sql_connection *connection)
{
    while (connection->statement_count > 0)
        forget_oldest_statement(connection);
}

sqlite3_stmt *od_sql_connection_cached(struct od_sql_connection *connection, od_slice text)
{
    OD_LIST_EACH (link, &connection->statements) {
        struct od_sql_statement *statement = statement_of(link);
        if (statement->size != text.size || memcmp(statement->text, text.at, text.size) != 0)
            continue;
        od_list_remove(link);
        od_list_push_back(&connection->statements, link);
        return statement->compiled;
    }
    return NULL;
}

void od_sql_connection_cache(struct od_sql_connection *connection, od_slice text,
                             sqlite3_stmt *compiled)
{
    struct od_sql_statement *statement = od_allocate_zeroed(sizeof *statement);
    OD_ASSERT(compiled != NULL);
    OD_ASSERT(text.size > 0);
    od_list_init(&statement->link);
    statement->compiled = compiled;
    statement->text = od_allocate(text.size);
    statement->size = text.size;
    memcpy(statement->text, text.at, text.size);
    od_list_push_back(&connection->statements, &statement->link);
    connection->statement_count++;
    connection->statement_bytes += text.size;
    while (connection->statement_count > OD_SQL_STATEMENTS_MAX ||
           connection->statement_bytes > OD_SQL_STATEMENTS_BYTES)
        forget_oldest_statement(connection);
}

// --- Statements of our own -----------------------------------------------------------------------

static int run_own(struct od_sql_connection *connection, const char *text)
{
    bool was_trusted = connection->guard.is_trusted;
    connection->guard.is_trusted = true;
    int code = sqlite3_exec(connection->db, text, NULL, NULL, NULL);
    connection->guard.is_trusted = was_trusted;
    return code;
}

bool od_sql_connection_begin_parts(struct od_sql_connection *connection, struct od_error *err)
{
    check(connection);
    for (; connection->parts < connection->storage->parts; connection->parts++) {
        if (run_own(connection, "SAVEPOINT part") != SQLITE_OK)
            return od_error_set(err, "a transaction cannot begin: %s",
                                sqlite3_errmsg(connection->db));
        connection->pager.is_writing = true;
    }
    return true;
}

// --- What the storage tells ----------------------------------------------------------------------

static void on_sealing(struct od_pager *pager)
{
    od_sql_freelist_drop(of_pager(pager)->storage);
}

static bool has_innermost(const struct od_sql_connection *connection)
{
    return connection->parts > 0 && connection->parts == connection->storage->parts;
}

static void on_undo_part(struct od_pager *pager)
{
    struct od_sql_connection *connection = of_pager(pager);
    if (has_innermost(connection) && !connection->is_broken)
        connection->is_broken = run_own(connection, "ROLLBACK TO part") != SQLITE_OK;
}

// The innermost part is undone and over. The outermost by a ROLLBACK, which ends in any case.
static bool drop_part(struct od_sql_connection *connection)
{
    OD_ASSERT(connection->parts > 0);
    const char *undo = connection->parts == 1 ? "ROLLBACK" : "ROLLBACK TO part; RELEASE part";
    return run_own(connection, undo) == SQLITE_OK;
}

static bool keep_part(struct od_sql_connection *connection, struct od_error *err)
{
    OD_ASSERT(connection->parts > 0);
    connection->is_refused = false;
    if (run_own(connection, "RELEASE part") == SQLITE_OK)
        return true;
    od_error_set(err, "%s",
                 connection->is_refused
                     ? "what it wrote is more than one stretch may; nothing of it is stored"
                     : sqlite3_errmsg(connection->db));
    connection->is_broken = !drop_part(connection);
    return false;
}

static bool on_end_part(struct od_pager *pager, bool keep, struct od_error *err)
{
    struct od_sql_connection *connection = of_pager(pager);
    check(connection);
    bool is_done = true;
    if (!has_innermost(connection))
        return true;
    if (connection->is_broken)
        is_done = !keep || od_error_set(err, "Cannot commit transaction due to an earlier SQL "
                                             "critical error");
    else if (keep)
        is_done = keep_part(connection, err);
    else
        connection->is_broken = !drop_part(connection);
    OD_ASSERT(connection->parts > 0);
    connection->parts--;
    connection->pager.is_writing = connection->parts > 0;
    if (connection->parts == 0 && connection->is_broken)
        connection->release(connection); // Whatever is open there still, it will not be seen.
    return is_done;
}

static void on_close(struct od_pager *pager)
{
    struct od_sql_connection *connection = of_pager(pager);
    connection->release(connection);
}

static const struct od_pager_events events = {on_sealing, on_undo_part, on_end_part, on_close};

// --- What SQLite asks ----------------------------------------------------------------------------

static int is_late(void *owner);

static void look_after(struct od_sql_connection *connection, int steps)
{
    connection->look_steps = steps;
    sqlite3_progress_handler(connection->db, steps, is_late, connection);
}

// It is asked once more when a statement is done: what came of that would be lost.
//
// Most steps take less than a microsecond. One that calls a function for a long text takes a
// thousand times as long.
static int is_late(void *owner)
{
    struct od_sql_connection *connection = owner;
    OD_ASSERT(connection->look_steps > 0);
    int64_t now_us = od_clock_passed_us(), passed_us = now_us - connection->looked_us;
    int steps = connection->look_steps;
    connection->looked_us = now_us;
    if (passed_us < LOOK_US_MIN && steps < OD_SQL_STEPS_A_LOOK_MAX)
        look_after(connection, steps * 10);
    else if (passed_us > LOOK_US_MAX && steps > OD_SQL_STEPS_A_LOOK_MIN)
        look_after(connection, steps / 10);
    return now_us > connection->deadline_us && connection->running != NULL &&
           sqlite3_stmt_busy(connection->running);
}

void od_sql_connection_limit(struct od_sql_connection *connection, int64_t deadline_us)
{
    connection->deadline_us = deadline_us;
    connection->looked_us = od_clock_passed_us();
    if (connection->look_steps > OD_SQL_STEPS_A_LOOK_BEGIN)
        look_after(connection, OD_SQL_STEPS_A_LOOK_BEGIN);
}

// A commit that would not fit the batch becomes a rollback: later it could not be refused any more.
static int has_no_room(void *owner)
{
    struct od_sql_connection *connection = owner;
    int cached = 0, high;
    sqlite3_db_status(connection->db, SQLITE_DBSTATUS_CACHE_USED, &cached, &high, 0);
    connection->is_refused =
        (size_t)cached > od_storage_room_bytes(connection->storage) + (OD_SQL_CACHE_KIB << 10);
    return connection->is_refused;
}

// --- Opening -------------------------------------------------------------------------------------

// With a journal in memory a rollback needs no file, and in exclusive mode a commit writes the
// pages that changed and no other.
static const char settings[] = "PRAGMA page_size=4096;"
                               "PRAGMA locking_mode=EXCLUSIVE;"
                               "PRAGMA journal_mode=MEMORY;"
                               "PRAGMA synchronous=OFF;"
                               "PRAGMA temp_store=MEMORY;"
                               "PRAGMA cache_spill=OFF;"
                               "PRAGMA cache_size=-128;"
                               "PRAGMA secure_delete=FAST;"
                               "PRAGMA cell_size_check=ON;";

// The long codes of results stay off: FTS5 of 3.40 takes only the short one for what it is when a
// rollback has ended what it was reading.
static int set_up(struct od_sql_connection *connection)
{
    int reserved = OD_SQL_RESERVED_BYTES;
    sqlite3 *db = connection->db;
    int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    if (code == SQLITE_OK)
        code = od_sql_guard_set(&connection->guard, db);
    if (code == SQLITE_OK)
        code = run_own(connection, settings);
    connection->guard.is_trusted = true;
    if (code == SQLITE_OK)
        code = od_sql_fts_add(db);
    connection->guard.is_trusted = false;
    if (code == SQLITE_OK)
        code = od_sql_functions_add(db, &connection->guard);
    look_after(connection, OD_SQL_STEPS_A_LOOK_BEGIN);
    sqlite3_commit_hook(db, has_no_room, connection);
    connection->file = od_sql_vfs_file(db);
    return code;
}

struct od_sql_connection *od_sql_connection_open(struct od_storage *storage, struct od_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    struct od_sql_connection *connection = od_allocate_zeroed(sizeof *connection);
    *connection = (struct od_sql_connection){.pager.events = &events, .deadline_us = INT64_MAX};
    od_list_init(&connection->link);
    od_list_init(&connection->statements);
    od_sql_vfs_open_next(storage);
    int code = sqlite3_open_v2("object", &connection->db, flags, NULL);
    if (code == SQLITE_OK)
        code = set_up(connection);
    if (code == SQLITE_OK) {
        connection->storage = storage;
        storage->pager = &connection->pager;
        return connection;
    }
    bool is_damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    od_error_set(err, "cannot open the object's database: %s",
                 is_damaged ? od_sql_damaged : sqlite3_errstr(code));
    od_sql_connection_free(connection);
    return NULL;
}

void od_sql_connection_free(struct od_sql_connection *connection)
{
    forget_statements(connection);
    if (connection->storage != NULL)
        connection->storage->pager = NULL;
    connection->guard.is_trusted = true; // What is open is rolled back.
    int code = sqlite3_close(connection->db);
    OD_ASSERT(code == SQLITE_OK);
    free(connection->first_page);
    free(connection);
}

// --- From object to object -----------------------------------------------------------------------

// Out of exclusive mode the end of the next statement gives up the lock, and whoever locks anew
// looks at the file as at one that others may have written: the VFS says that they have.
static bool unlock(struct od_sql_connection *connection)
{
    return run_own(connection, "PRAGMA locking_mode=NORMAL;PRAGMA user_version") == SQLITE_OK &&
           sqlite3_db_release_memory(connection->db) == SQLITE_OK;
}

static bool is_like_new(const struct od_sql_connection *connection)
{
    return connection->parts == 0 && !connection->is_broken && !connection->guard.has_switched &&
           sqlite3_get_autocommit(connection->db) != 0;
}

bool od_sql_connection_detach(struct od_sql_connection *connection)
{
    char page[OD_SQL_PAGE_BYTES];
    if (!is_like_new(connection) || !od_sql_vfs_get_page(connection->storage, 1, page) ||
        !od_sql_schema_can_be_kept(page) || !unlock(connection))
        return false;
    connection->first_page = od_allocate(OD_STORE_PAGE_BYTES);
    memcpy(connection->first_page, page, OD_STORE_PAGE_BYTES);
    sqlite3_set_last_insert_rowid(connection->db, 0);
    connection->guard.changes_before = sqlite3_total_changes64(connection->db);
    connection->storage->pager = NULL;
    connection->storage = NULL;
    od_sql_vfs_set_storage(connection->file, NULL);
    return true;
}

void od_sql_connection_attach(struct od_sql_connection *connection, struct od_storage *storage,
                              bool knows_schema)
{
    free(connection->first_page);
    connection->first_page = NULL;
    connection->storage = storage;
    storage->pager = &connection->pager;
    od_sql_vfs_set_storage(connection->file, storage);
    if (!knows_schema)
        forget_statements(connection);
    int code = run_own(connection, knows_schema ? "PRAGMA locking_mode=EXCLUSIVE"
                                                : "PRAGMA locking_mode=EXCLUSIVE;"
                                                  "PRAGMA writable_schema=RESET");
    OD_ASSERT(code == SQLITE_OK);
}
