#include "sql/plain.h"

#include <string.h>

#include "base/check.h"
#include "sql/limits.h"

static sqlite3 *plain;

static struct call {
    const char *name; // NULL: none.
    int count;
    sqlite3_stmt *statement;
} calls[OD_SQL_PLAIN_CALLS_MAX];
static unsigned next; // To be replaced.

static void open_plain(void)
{
    int code = sqlite3_open(":memory:", &plain);
    OD_ASSERT(code == SQLITE_OK || code == SQLITE_NOMEM);
    sqlite3_limit(plain, SQLITE_LIMIT_LENGTH, OD_SQL_VALUE_BYTES_MAX);
}

static sqlite3_stmt *compile(const char *name, int count)
{
    char text[32 + 2 * OD_SQL_ARGUMENTS_MAX];
    sqlite3_stmt *statement = NULL;
    int size = 0;
    sqlite3_snprintf(32, text, "SELECT %s(", name);
    size = (int)strlen(text);
    for (int i = 0; i < count; i++) {
        text[size++] = '?';
        text[size++] = i + 1 < count ? ',' : ')';
    }
    return sqlite3_prepare_v2(plain, text, size, &statement, NULL) == SQLITE_OK ? statement : NULL;
}

static struct call *find(const char *name, int count)
{
    for (unsigned i = 0; i < OD_SQL_PLAIN_CALLS_MAX; i++) {
        if (calls[i].name == name && calls[i].count == count)
            return &calls[i];
    }
    struct call *call = &calls[next];
    next = (next + 1) % OD_SQL_PLAIN_CALLS_MAX;
    sqlite3_finalize(call->statement);
    *call = (struct call){.name = name, .count = count, .statement = compile(name, count)};
    return call;
}

static void call_statement(sqlite3_context *context, sqlite3_stmt *statement, int count,
                           sqlite3_value **values)
{
    int code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && i < count; i++)
        code = sqlite3_bind_value(statement, i + 1, values[i]);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        sqlite3_result_value(context, sqlite3_column_value(statement, 0));
    } else {
        sqlite3_result_error(context, sqlite3_errmsg(plain), -1);
        if (code != SQLITE_ERROR)
            sqlite3_result_error_code(context, code);
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

void od_sql_plain_call(sqlite3_context *context, const char *name, int count,
                       sqlite3_value **values)
{
    if (plain == NULL)
        open_plain();
    struct call *call = find(name, count);
    if (call->statement == NULL) {
        call->name = NULL;
        sqlite3_result_error_nomem(context);
        return;
    }
    call_statement(context, call->statement, count, values);
}
