#include "sql/pool.h"

#include <string.h>

#include "sql/limits.h"
#include "sql/schema.h"

static struct {
    bool is_ready;
    struct od_list open; // Those of an object, longest unused first,
    struct od_list idle; // and the others.
    uint32_t open_count, idle_count;
} all;

// Page caches are not allocated in advance, which would cost each connection 80 KiB.
static void prepare_library(void)
{
    if (all.is_ready)
        return;
    od_list_init(&all.open);
    od_list_init(&all.idle);
    int code = sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    if (code == SQLITE_OK)
        code = sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
    if (code == SQLITE_OK)
        code = sqlite3_initialize();
    if (code == SQLITE_OK)
        code = od_sql_vfs_register();
    OD_ASSERT(code == SQLITE_OK);
    sqlite3_hard_heap_limit64(OD_SQL_HEAP_BYTES_MAX);
    all.is_ready = true;
}

static struct od_sql_connection *of(struct od_list *link)
{
    return OD_LIST_MEMBER(link, struct od_sql_connection, link);
}

// --- Giving back ---------------------------------------------------------------------------------

static void check_counts(void)
{
    OD_ASSERT(all.is_ready);
    OD_ASSERT(od_list_is_empty(&all.open) == (all.open_count == 0));
    OD_ASSERT(od_list_is_empty(&all.idle) == (all.idle_count == 0));
    OD_ASSERT(all.idle_count <= OD_SQL_IDLE_MAX);
}

static struct od_sql_connection *take_idle(struct od_list *link)
{
    OD_ASSERT(all.idle_count > 0);
    od_list_remove(link);
    all.idle_count--;
    return of(link);
}

static void free_oldest_idle(void)
{
    od_sql_connection_free(take_idle(all.idle.next));
}

static void release(struct od_sql_connection *connection)
{
    check_counts();
    OD_ASSERT(all.open_count > 0);
    od_list_remove(&connection->link);
    all.open_count--;
    if (!od_sql_connection_detach(connection)) {
        od_sql_connection_free(connection);
        return;
    }
    od_list_push_back(&all.idle, &connection->link);
    if (++all.idle_count > OD_SQL_IDLE_MAX)
        free_oldest_idle();
}

static bool is_too_much(void)
{
    return sqlite3_memory_used() > OD_SQL_CONNECTIONS_BYTES;
}

// One with open savepoints has changes that stand nowhere else.
static void make_room(const struct od_sql_connection *but)
{
    OD_LIST_EACH_SAFE (link, &all.open) {
        while (all.idle_count > 0 && is_too_much())
            free_oldest_idle();
        if (all.open_count <= OD_SQL_OPEN_MAX && !is_too_much())
            return;
        if (of(link) != but && of(link)->parts == 0)
            release(of(link));
    }
}

// --- Giving out ----------------------------------------------------------------------------------

static struct od_sql_connection *find_idle(const char *first_page)
{
    OD_LIST_EACH (link, &all.idle) {
        if (od_sql_schema_is_same(of(link)->first_page, first_page))
            return of(link);
    }
    return NULL;
}

static struct od_sql_connection *take(struct od_storage *storage, const char *first_page,
                                      struct od_error *err)
{
    struct od_sql_connection *connection = find_idle(first_page);
    bool knows_schema = connection != NULL;
    if (all.idle_count == 0)
        return od_sql_connection_open(storage, err);
    connection = take_idle(knows_schema ? &connection->link : all.idle.next);
    od_sql_connection_attach(connection, storage, knows_schema);
    return connection;
}

static struct od_sql_connection *begin(struct od_storage *storage, struct od_error *err)
{
    char page[OD_SQL_PAGE_BYTES];
    prepare_library();
    if (!od_sql_vfs_get_page(storage, 1, page)) {
        od_error_set(err, "cannot open the object's database: %s", od_sql_damaged);
        return NULL;
    }
    struct od_sql_connection *connection = take(storage, page, err);
    if (connection == NULL)
        return NULL;
    connection->release = release;
    all.open_count++;
    return connection;
}

bool od_sql_pool_get(struct od_storage *storage, struct od_sql_connection **result,
                     struct od_error *err)
{
    struct od_pager *pager = storage->pager;
    struct od_sql_connection *connection =
        pager != NULL ? OD_LIST_MEMBER(pager, struct od_sql_connection, pager)
                      : begin(storage, err);
    if (connection == NULL)
        return false;
    od_list_remove(&connection->link);
    od_list_push_back(&all.open, &connection->link);
    make_room(connection);
    check_counts();
    OD_ASSERT(connection->storage == storage);
    *result = connection;
    return true;
}

struct od_sql_status od_sql_status(void)
{
    struct od_sql_status status = {.open = all.open_count};
    if (all.is_ready)
        status.bytes = (uint64_t)sqlite3_memory_used();
    return status;
}
