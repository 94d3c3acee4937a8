#include "store/alarm_rows.h"

#include <string.h>

#include "store/mapped.h"

struct order_key {
    char bytes[8 + OD_ID_BYTES];
};

static struct order_key key_of(const struct od_alarm_place *place)
{
    struct order_key key;
    for (int i = 0; i < 8; i++)
        key.bytes[i] = (char)((uint64_t)place->due_ms >> (56 - 8 * i));
    memcpy(key.bytes + 8, place->id, OD_ID_BYTES);
    return key;
}

static bool place_of(MDB_val key, struct od_alarm_place *place)
{
    const uint8_t *bytes = key.mv_data;
    if (key.mv_size != sizeof(struct order_key))
        return false;
    uint64_t due = 0;
    for (int i = 0; i < 8; i++)
        due = due << 8 | bytes[i];
    place->due_ms = (od_time_ms)due;
    memcpy(place->id, bytes + 8, OD_ID_BYTES);
    return true;
}

static struct od_alarm_place place_at(const uint8_t id[OD_ID_BYTES], od_time_ms due_ms)
{
    struct od_alarm_place place = {.due_ms = due_ms};
    memcpy(place.id, id, OD_ID_BYTES);
    return place;
}

int od_alarm_row_get(const struct od_rows *rows, struct od_alarm *alarm)
{
    struct od_run run = od_run_of_alarm(rows->slot, rows->number);
    MDB_val value, key = {run.size, run.bytes};
    int code = rows->write != NULL ? od_write_get(rows->write, rows->data, key, &value)
                                   : mdb_get(rows->txn, rows->data, &key, &value);
    if (code != 0)
        return code;
    struct od_cursor cursor = od_cursor_of(od_env_slice(value));
    od_alarm_read(&cursor, alarm);
    return cursor.failed ? MDB_CORRUPTED : 0;
}

static int put_row(const struct od_rows *rows, const struct od_alarm *alarm)
{
    OD_ASSERT(rows->number != 0);
    struct od_bytes bytes = {NULL, 0, 0};
    od_alarm_put(&bytes, alarm);
    struct od_run run = od_run_of_alarm(rows->slot, rows->number);
    MDB_val key = {run.size, run.bytes};
    int code = od_write_put(rows->write, rows->data, key, od_env_value(od_bytes_slice(&bytes)));
    od_bytes_deinit(&bytes);
    return code;
}

int od_alarm_row_put(const struct od_rows *rows, const uint8_t id[OD_ID_BYTES],
                     const struct od_alarm *alarm)
{
    int code = od_alarm_row_delete(rows, id);
    if (code == 0)
        code = put_row(rows, alarm);
    struct od_alarm_place place = place_at(id, alarm->due_ms);
    struct order_key order = key_of(&place);
    MDB_val key = {sizeof order.bytes, order.bytes}, nothing = {0, NULL};
    return code == 0 ? od_write_put(rows->write, rows->write->env->alarms, key, nothing) : code;
}

int od_alarm_row_delete(const struct od_rows *rows, const uint8_t id[OD_ID_BYTES])
{
    struct od_alarm alarm;
    int code = od_alarm_row_get(rows, &alarm);
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    struct od_alarm_place place = place_at(id, alarm.due_ms);
    struct order_key order = key_of(&place);
    MDB_val key = {sizeof order.bytes, order.bytes};
    code = od_write_delete(rows->write, rows->write->env->alarms, key);
    if (code != 0)
        return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
    struct od_run run = od_run_of_alarm(rows->slot, rows->number);
    MDB_val row = {run.size, run.bytes};
    return od_write_delete(rows->write, rows->data, row);
}

static int walk(MDB_cursor *cursor, const struct od_alarm_place *from, od_alarm_visit *visit,
                void *context)
{
    struct order_key order = key_of(from);
    struct od_alarm_place place;
    MDB_val value, key = {sizeof order.bytes, order.bytes};
    int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (code == 0) {
        if (!place_of(key, &place))
            return MDB_CORRUPTED;
        if (!visit(context, &place))
            return 0;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    return code == MDB_NOTFOUND ? 0 : code;
}

int od_alarm_order_walk(const struct od_env *env, MDB_txn *txn, const struct od_alarm_place *place,
                        od_alarm_visit *visit, void *context)
{
    MDB_cursor *cursor;
    int code = od_mapped_cursor_open(txn, env->alarms, &cursor);
    if (code != 0)
        return code;
    code = walk(cursor, place, visit, context);
    od_mapped_cursor_close(cursor);
    return code;
}
