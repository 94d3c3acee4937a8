// od_sql_size_bytes (sql.h).

#include "sql/pool.h"

// While a part of the stretch has changes, only the connection knows them.
static uint64_t ask(struct od_sql_connection *connection)
{
    static const char query[] = "SELECT page_count - freelist_count FROM pragma_page_count, "
                                "pragma_freelist_count";
    sqlite3_stmt *statement;
    uint64_t pages = 0;
    connection->guard.is_trusted = true;
    if (sqlite3_prepare_v2(connection->db, query, -1, &statement, NULL) == SQLITE_OK) {
        if (sqlite3_step(statement) == SQLITE_ROW)
            pages = (uint64_t)sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
    }
    connection->guard.is_trusted = false;
    return pages * OD_SQL_PAGE_BYTES;
}

uint64_t od_sql_size_bytes(struct od_storage *storage)
{
    struct od_sql_connection *connection;
    struct od_error err;
    if (storage->pager == NULL && !od_storage_has_page(storage, 1))
        return 0;
    return od_sql_pool_get(storage, &connection, &err) ? ask(connection) : 0;
}
