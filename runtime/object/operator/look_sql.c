#include "object/operator/look_sql.h"

#include "base/clock.h"
#include "object/limits.h"
#include "sql/limits.h"
#include "sql/sql.h"

static bool read_query(struct od_cursor *sent, struct od_sql_query *query,
                       struct od_sql_value bindings[OD_SQL_BINDINGS_MAX], struct od_error *err)
{
    query->text = od_cursor_string(sent);
    query->binding_count = od_cursor_u32(sent);
    query->bindings = bindings;
    if (sent->failed || query->binding_count > OD_SQL_BINDINGS_MAX)
        return od_error_set(err, "a query can have %d bindings", OD_SQL_BINDINGS_MAX);
    bool ok = true;
    for (size_t i = 0; i < query->binding_count; i++) {
        od_sql_value_read(sent, &bindings[i]);
        ok = ok && bindings[i].kind <= OD_SQL_BLOB;
    }
    return (ok && !sent->failed) || od_error_set(err, "the bindings cannot be read");
}

static bool put_result(struct od_bytes *found, const struct od_sql_result *result,
                       struct od_error *err)
{
    if (result->bytes->size > OD_CALL_BYTES_MAX)
        return od_error_set(err, "the rows are more than %u bytes; use LIMIT", OD_CALL_BYTES_MAX);
    od_bytes_put_u8(found, 0);
    od_bytes_put_u32(found, result->column_count);
    od_bytes_put_u64(found, result->row_count);
    od_bytes_put_u64(found, result->rows_read + result->row_count);
    od_bytes_put_slice(found, od_bytes_slice(result->bytes));
    return true;
}

bool od_look_sql(struct od_storage *storage, struct od_cursor *sent, struct od_bytes *found,
                 struct od_error *err)
{
    struct od_sql_value bindings[OD_SQL_BINDINGS_MAX];
    struct od_sql_query query = {.is_read_only = true,
                                 .deadline_us = od_clock_passed_us() + OD_LOOK_SQL_US_MAX};
    struct od_bytes rows = {0};
    struct od_sql_result result = {.bytes = &rows};
    if (!read_query(sent, &query, bindings, err))
        return false;
    bool ok = od_sql_exec(storage, &query, &result, err) == OD_SQL_DONE;
    if (ok)
        ok = put_result(found, &result, err);
    else if (result.would_write)
        od_bytes_put_u8(found, 1);
    else if (od_clock_passed_us() >= query.deadline_us)
        od_error_set(err,
                     "the query takes longer than %d ms, for which everybody in its worker "
                     "would have to wait",
                     OD_LOOK_SQL_US_MAX / 1000);
    od_bytes_deinit(&rows);
    return ok || result.would_write;
}
