#include "store/alarm_rows.h"

#include <string.h>

#include "store/mapped.h"

enum {
    order_head_bytes = 8 + OD_ID_BYTES,
};

struct order_key {
    size_t size;
    char bytes[order_head_bytes + OD_STORE_ALARM_NAME_BYTES_MAX];
};

static void key_of(struct order_key *key, od_time_ms due_ms, const uint8_t id[OD_ID_BYTES],
                   od_slice name)
{
    for (int i = 0; i < 8; i++)
        key->bytes[i] = (char)((uint64_t)due_ms >> (56 - 8 * i));
    memcpy(key->bytes + 8, id, OD_ID_BYTES);
    if (name.size > 0)
        memcpy(key->bytes + order_head_bytes, name.at, name.size);
    key->size = order_head_bytes + name.size;
}

static bool place_of(MDB_val key, struct od_alarm_place *place)
{
    const uint8_t *bytes = key.mv_data;
    if (key.mv_size < order_head_bytes || key.mv_size > order_head_bytes + sizeof place->name)
        return false;
    uint64_t due = 0;
    for (int i = 0; i < 8; i++)
        due = due << 8 | bytes[i];
    place->due_ms = (od_time_ms)due;
    memcpy(place->id, bytes + 8, OD_ID_BYTES);
    place->name_size = (uint16_t)(key.mv_size - order_head_bytes);
    memcpy(place->name, bytes + order_head_bytes, place->name_size);
    return true;
}

static struct od_key row_key(const struct od_rows *rows, od_slice name)
{
    struct od_key key;
    struct od_run run = od_run_of_alarms(rows->slot, rows->number);
    od_key_build(&key, &run, name);
    return key;
}

int od_alarm_rows_get(const struct od_rows *rows, od_slice name, struct od_alarm_row *row)
{
    struct od_key built = row_key(rows, name);
    MDB_val value, key = od_env_value(od_key_slice(&built));
    int code = rows->write != NULL ? od_write_get(rows->write, rows->data, key, &value)
                                   : mdb_get(rows->txn, rows->data, &key, &value);
    if (code != 0)
        return code;
    return od_alarm_row_read(od_env_slice(value), row) ? 0 : MDB_CORRUPTED;
}

static int put_row(const struct od_rows *rows, od_slice name, od_slice bytes)
{
    OD_ASSERT(rows->number != 0);
    struct od_key built = row_key(rows, name);
    return od_write_put(rows->write, rows->data, od_env_value(od_key_slice(&built)),
                        od_env_value(bytes));
}

static int put_order(struct od_write *write, const uint8_t id[OD_ID_BYTES], od_slice name,
                     od_time_ms due_ms)
{
    struct order_key order;
    key_of(&order, due_ms, id, name);
    MDB_val key = {order.size, order.bytes}, nothing = {0, NULL};
    return od_write_put(write, write->env->alarms, key, nothing);
}

int od_alarm_rows_put(const struct od_rows *rows, const uint8_t id[OD_ID_BYTES], od_slice name,
                      od_slice bytes)
{
    struct od_alarm_row row;
    bool is_row = od_alarm_row_read(bytes, &row);
    OD_ASSERT(is_row);
    int code = od_alarm_rows_delete(rows, id, name);
    if (code == 0)
        code = put_row(rows, name, bytes);
    return code == 0 ? put_order(rows->write, id, name, row.alarm.due_ms) : code;
}

int od_alarm_rows_delete(const struct od_rows *rows, const uint8_t id[OD_ID_BYTES], od_slice name)
{
    struct od_alarm_row row;
    int code = od_alarm_rows_get(rows, name, &row);
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    struct order_key order;
    key_of(&order, row.alarm.due_ms, id, name);
    MDB_val key = {order.size, order.bytes};
    code = od_write_delete(rows->write, rows->write->env->alarms, key);
    if (code != 0)
        return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
    struct od_key built = row_key(rows, name);
    return od_write_delete(rows->write, rows->data, od_env_value(od_key_slice(&built)));
}

// The name of the object's first one.
static int first_name(const struct od_rows *rows, struct od_key *name)
{
    MDB_cursor *cursor;
    struct od_run run = od_run_of_alarms(rows->slot, rows->number);
    MDB_val value, key = {run.size, run.bytes};
    int code = od_write_look(rows->write, rows->data, key);
    if (code != 0)
        return code;
    code = mdb_cursor_open(rows->txn, rows->data, &cursor);
    if (code != 0)
        return code;
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (code == 0 && !od_run_has(&run, od_env_slice(key)))
        code = MDB_NOTFOUND;
    if (code == 0) {
        name->size = key.mv_size - run.size;
        memcpy(name->bytes, (const char *)key.mv_data + run.size, name->size);
    }
    mdb_cursor_close(cursor);
    return code;
}

// A rehearsal, in which nothing goes, looks at the alarm itself only.
int od_alarm_rows_delete_all(const struct od_rows *rows, const uint8_t id[OD_ID_BYTES])
{
    struct od_key name;
    int code = od_alarm_rows_delete(rows, id, (od_slice){NULL, 0});
    while (code == 0 && rows->txn != NULL && (code = first_name(rows, &name)) == 0)
        code = od_alarm_rows_delete(rows, id, od_key_slice(&name));
    return code == MDB_NOTFOUND ? 0 : code;
}

static int walk(MDB_cursor *cursor, const struct od_alarm_place *from, od_alarm_visit *visit,
                void *context)
{
    struct order_key order;
    struct od_alarm_place place;
    key_of(&order, from->due_ms, from->id, od_alarm_place_name(from));
    MDB_val value, key = {order.size, order.bytes};
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
