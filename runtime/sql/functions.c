#include "sql/functions.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "sql/limits.h"

static bool is_null(sqlite3_value *value)
{
    return sqlite3_value_type(value) == SQLITE_NULL;
}

static bool is_blob(sqlite3_value *value)
{
    return sqlite3_value_type(value) == SQLITE_BLOB;
}

static od_slice blob_of(sqlite3_value *value)
{
    const char *at = sqlite3_value_blob(value);
    return (od_slice){at, at == NULL ? 0 : (size_t)sqlite3_value_bytes(value)};
}

static od_slice text_of(sqlite3_value *value)
{
    const char *at = (const char *)sqlite3_value_text(value);
    return (od_slice){at, at == NULL ? 0 : (size_t)sqlite3_value_bytes(value)};
}

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static sqlite3_int64 count_characters(const char *from, const char *to)
{
    sqlite3_int64 count = 0;
    for (; from < to; from++)
        count += !continues(*from);
    return count;
}

static const char *find(od_slice in, od_slice what)
{
    return in.size < what.size ? NULL : memmem(in.at, in.size, what.at, what.size);
}

// Counted from 1; 0: it is not there. What begins in the middle of a character can stand only at
// the beginning, as the original sees it.
static sqlite3_int64 place_of(od_slice in, od_slice what, bool is_text)
{
    if (what.size == 0)
        return 1;
    if (is_text && continues(*what.at))
        return od_slice_starts_with(in, what);
    const char *at = find(in, what);
    if (at == NULL)
        return 0;
    if (!is_text)
        return at - in.at + 1;
    bool begins_inside = in.size > 0 && continues(*in.at); // That too is a character to it.
    return count_characters(in.at, at) + begins_inside + 1;
}

static void instr(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    if (is_null(values[0]) || is_null(values[1]))
        return;
    bool is_text = !is_blob(values[0]) || !is_blob(values[1]);
    od_slice in = is_text ? text_of(values[0]) : blob_of(values[0]);
    od_slice what = is_text ? text_of(values[1]) : blob_of(values[1]);
    sqlite3_result_int64(context, place_of(in, what, is_text));
}

// False: the result would be too long.
static bool replace_all(od_slice in, od_slice what, od_slice with, struct od_bytes *out)
{
    const char *at;
    while ((at = find(in, what)) != NULL) {
        size_t before = (size_t)(at - in.at);
        od_bytes_put(out, in.at, before);
        od_bytes_put_slice(out, with);
        if (out->size > OD_SQL_VALUE_BYTES_MAX)
            return false;
        in = od_slice_from(in, before + what.size);
    }
    od_bytes_put_slice(out, in);
    return out->size <= OD_SQL_VALUE_BYTES_MAX;
}

static void replace(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    if (is_null(values[0]) || is_null(values[1]))
        return;
    od_slice in = text_of(values[0]), what = text_of(values[1]), with = text_of(values[2]);
    if (what.size == 0 || *what.at == 0) { // To the original, too, that is nothing.
        sqlite3_result_value(context, values[0]);
        return;
    }
    if (is_null(values[2]))
        return;
    struct od_bytes out = {0};
    if (replace_all(in, what, with, &out))
        sqlite3_result_text(context, out.size == 0 ? "" : out.at, (int)out.size, SQLITE_TRANSIENT);
    else
        sqlite3_result_error_toobig(context);
    od_bytes_deinit(&out);
}

static sqlite3_int64 changes_of(sqlite3_context *context)
{
    const struct od_sql_guard *guard = sqlite3_user_data(context);
    return sqlite3_total_changes64(sqlite3_context_db_handle(context)) - guard->changes_before;
}

// By the last statement; as long as nothing has been changed, it would be one of another object.
static void changes(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    sqlite3 *db = sqlite3_context_db_handle(context);
    sqlite3_result_int64(context, changes_of(context) == 0 ? 0 : sqlite3_changes64(db));
}

static void total_changes(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    sqlite3_result_int64(context, changes_of(context));
}

int od_sql_functions_add(sqlite3 *db, const struct od_sql_guard *guard)
{
    static const int pure = SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    static const struct {
        const char *name;
        int count, flags;
        void (*call)(sqlite3_context *context, int count, sqlite3_value **values);
    } rows[] = {
        {"instr", 2, pure, instr},
        {"replace", 3, pure, replace},
        {"changes", 0, SQLITE_INNOCUOUS, changes},
        {"total_changes", 0, SQLITE_INNOCUOUS, total_changes},
    };
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < sizeof rows / sizeof *rows; i++)
        code =
            sqlite3_create_function_v2(db, rows[i].name, rows[i].count, SQLITE_UTF8 | rows[i].flags,
                                       (void *)(uintptr_t)guard, rows[i].call, NULL, NULL, NULL);
    return code;
}
