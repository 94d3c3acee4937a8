#include "cluster/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/slice.h"

// --- To the engine -------------------------------------------------------------------------------

struct sought {
    const struct od_object_change *object;
    od_slice key;
};

static bool has_id(const struct od_map_node *node, const void *id)
{
    return memcmp(OD_MAP_MEMBER(node, struct od_object_change, by_id)->id, id, OD_ID_BYTES) == 0;
}

static bool has_key(const struct od_map_node *node, const void *key)
{
    const struct od_row_change *row = OD_MAP_MEMBER(node, struct od_row_change, by_key);
    const struct sought *sought = key;
    return row->object == sought->object &&
           od_slice_equal((od_slice){row->key, row->key_bytes}, sought->key);
}

void od_group_rows_init(struct od_group_rows *rows)
{
    *rows = (struct od_group_rows){.slot_count = 0};
    od_map_init(&rows->objects_by_id);
    od_map_init(&rows->rows_by_key);
    od_list_init(&rows->objects);
}

static void forget_row(struct od_group_rows *rows, struct od_row_change *row)
{
    OD_ASSERT(!row->is_put || row->object->puts > 0);
    row->object->puts -= row->is_put;
    od_map_remove(&rows->rows_by_key, &row->by_key);
    od_list_remove(&row->link);
    free(row);
}

static void forget_rows(struct od_group_rows *rows, const struct od_object_change *object)
{
    OD_LIST_EACH_SAFE (link, &object->rows)
        forget_row(rows, OD_LIST_MEMBER(link, struct od_row_change, link));
    OD_ASSERT(object->puts == 0);
}

void od_group_rows_deinit(struct od_group_rows *rows)
{
    OD_LIST_EACH_SAFE (link, &rows->objects) {
        struct od_object_change *object = OD_LIST_MEMBER(link, struct od_object_change, link);
        forget_rows(rows, object);
        free(object);
    }
    od_map_deinit(&rows->objects_by_id);
    od_map_deinit(&rows->rows_by_key);
}

static void note_slot(struct od_group_rows *rows, od_slot slot)
{
    uint8_t bit = (uint8_t)(1u << (slot & 7));
    rows->slot_count += (rows->slots[slot / 8] & bit) == 0;
    rows->slots[slot / 8] |= bit;
}

static struct od_object_change *object_of(struct od_group_rows *rows, od_slice identity)
{
    OD_ASSERT(identity.size > OD_ID_BYTES);
    uint64_t hash = od_slice_hash((od_slice){identity.at, OD_ID_BYTES});
    struct od_map_node *node = od_map_find(&rows->objects_by_id, hash, has_id, identity.at);
    if (node != NULL)
        return OD_MAP_MEMBER(node, struct od_object_change, by_id);
    struct od_object_change *object = od_allocate_zeroed(sizeof *object);
    memcpy(object->id, identity.at, OD_ID_BYTES);
    object->slot = od_slot_of_id(object->id);
    object->identity = identity;
    od_list_init(&object->rows);
    od_list_init(&object->link);
    od_list_push_back(&rows->objects, &object->link);
    od_map_put(&rows->objects_by_id, &object->by_id, hash);
    note_slot(rows, object->slot);
    return object;
}

static struct od_row_change *row_of(struct od_group_rows *rows, struct od_object_change *object,
                                    od_slice key)
{
    struct sought sought = {object, key};
    uint64_t hash = od_slice_hash(key) ^ od_map_hash_u64((uint64_t)(uintptr_t)object);
    struct od_map_node *node = od_map_find(&rows->rows_by_key, hash, has_key, &sought);
    if (node != NULL)
        return OD_MAP_MEMBER(node, struct od_row_change, by_key);
    struct od_row_change *row = od_allocate_zeroed(sizeof *row + key.size);
    row->object = object;
    row->key_bytes = key.size;
    memcpy(row->key, key.at, key.size);
    od_list_init(&row->link);
    od_list_push_back(&object->rows, &row->link);
    od_map_put(&rows->rows_by_key, &row->by_key, hash);
    return row;
}

static void put(struct od_group_rows *rows, struct od_object_change *object, od_slice key,
                od_slice value)
{
    struct od_row_change *row = row_of(rows, object, key);
    object->puts += !row->is_put;
    row->is_put = true;
    row->value = value;
}

// Of an object that is wiped what was put behind that is forgotten only.
static void delete (struct od_group_rows *rows, struct od_object_change *object, od_slice key)
{
    struct od_row_change *row = row_of(rows, object, key);
    object->puts -= row->is_put;
    row->is_put = false;
    if (object->is_wiped)
        forget_row(rows, row);
}

struct key {
    size_t size;
    char bytes[1 + OD_STORE_KEY_BYTES_MAX];
};

static od_slice key_of(struct key *key, const struct od_operation *operation)
{
    static const enum od_row_of kinds[OD_OPERATION_KINDS] = {
        [OD_OPERATION_PUT] = OD_ROW_OF_PAIR,
        [OD_OPERATION_DELETE] = OD_ROW_OF_PAIR,
        [OD_OPERATION_SET_ALARM] = OD_ROW_OF_ALARM,
        [OD_OPERATION_DELETE_ALARM] = OD_ROW_OF_ALARM,
        [OD_OPERATION_SET_NAMED_ALARM] = OD_ROW_OF_ALARM,
        [OD_OPERATION_DELETE_NAMED_ALARM] = OD_ROW_OF_ALARM,
        [OD_OPERATION_PUT_PAGE] = OD_ROW_OF_PAGE,
        [OD_OPERATION_DELETE_PAGE] = OD_ROW_OF_PAGE,
    };
    OD_ASSERT(operation->key.size < sizeof key->bytes);
    key->bytes[0] = (char)kinds[operation->kind];
    key->size = 1 + operation->key.size;
    if (operation->key.size > 0)
        memcpy(key->bytes + 1, operation->key.at, operation->key.size);
    for (int i = 0; i < 4 && key->bytes[0] == OD_ROW_OF_PAGE; i++)
        key->bytes[key->size++] = (char)(operation->page >> (24 - 8 * i));
    return (od_slice){key->bytes, key->size};
}

static bool is_put(const struct od_operation *operation)
{
    return operation->kind == OD_OPERATION_PUT || operation->kind == OD_OPERATION_PUT_PAGE ||
           operation->kind == OD_OPERATION_SET_ALARM ||
           operation->kind == OD_OPERATION_SET_NAMED_ALARM;
}

static void add_operation(struct od_group_rows *rows, struct od_object_change *object,
                          const struct od_operation *operation)
{
    struct key key;
    if (operation->kind == OD_OPERATION_DELETE_ALL) {
        forget_rows(rows, object);
        object->is_wiped = true;
    } else if (is_put(operation)) {
        put(rows, object, key_of(&key, operation), operation->value);
    } else {
        delete (rows, object, key_of(&key, operation));
    }
}

void od_group_rows_add(struct od_group_rows *rows, od_slice submission)
{
    struct od_cursor cursor = od_cursor_of(submission);
    while (!od_cursor_at_end(&cursor)) {
        struct od_batch batch;
        const char *begin = cursor.at + 4; // Behind its size.
        bool is_there = od_batch_next(&cursor, &batch);
        OD_ASSERT(is_there);
        struct od_object_change *object =
            object_of(rows, (od_slice){begin, (size_t)(batch.operations.at - begin)});
        struct od_operation operation;
        while (od_operation_next(&batch, &operation))
            add_operation(rows, object, &operation);
        OD_ASSERT(!batch.operations.failed);
    }
}

// --- From the engine -----------------------------------------------------------------------------

static void end_batch(struct od_rows_reading *reading)
{
    if (reading->is_open)
        od_batch_end(&reading->submission, reading->batch);
    reading->is_open = false;
}

static bool begin_batch(struct od_rows_reading *reading)
{
    struct od_identity identity;
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&reading->identity));
    od_identity_read(&cursor, &identity);
    if (cursor.failed || !od_cursor_at_end(&cursor))
        return false;
    reading->batch = od_batch_begin(&reading->submission, &identity);
    reading->is_open = true;
    return true;
}

static bool begin_object(struct od_rows_reading *reading, od_slice identity)
{
    end_batch(reading);
    od_bytes_clear(&reading->identity);
    od_bytes_put_slice(&reading->identity, identity);
    return true;
}

static bool add_alarm(struct od_rows_reading *reading, od_slice name, od_slice row)
{
    struct od_alarm_row read;
    if (!od_alarm_row_read(row, &read) || (name.size == 0 && row.size != OD_ALARM_BYTES))
        return false;
    od_batch_set_alarm(&reading->submission, name, row);
    return true;
}

static bool add_page(struct od_rows_reading *reading, od_slice number, od_slice squeezed)
{
    uint32_t page = 0;
    for (size_t i = 0; i < 4 && number.size == 4; i++)
        page = page << 8 | (uint8_t)number.at[i];
    if (page == 0 || squeezed.size > OD_STORE_PAGE_BYTES)
        return false;
    od_batch_put_page(&reading->submission, page, squeezed);
    return true;
}

static bool add_pair(struct od_rows_reading *reading, od_slice key, od_slice value)
{
    if (key.size > OD_STORE_KEY_BYTES_MAX || value.size > OD_STORE_VALUE_BYTES_MAX)
        return false;
    od_batch_put(&reading->submission, key, value);
    return true;
}

bool od_rows_reading_add(struct od_rows_reading *reading, od_slice key, od_slice value)
{
    static bool (*const adders[])(struct od_rows_reading *, od_slice, od_slice) = {
        [OD_ROW_OF_ALARM] = add_alarm, [OD_ROW_OF_PAGE] = add_page, [OD_ROW_OF_PAIR] = add_pair};
    if (key.size == 0 || (uint8_t)key.at[0] >= sizeof adders / sizeof *adders)
        return false;
    uint8_t kind = (uint8_t)key.at[0];
    if (kind == OD_ROW_OF_IDENTITY)
        return begin_object(reading, value);
    if (!reading->is_open && !begin_batch(reading))
        return false;
    return adders[kind](reading, od_slice_from(key, 1), value);
}

od_slice od_rows_reading_take(struct od_rows_reading *reading)
{
    end_batch(reading);
    return od_bytes_slice(&reading->submission);
}

void od_rows_reading_deinit(struct od_rows_reading *reading)
{
    od_bytes_deinit(&reading->submission);
    od_bytes_deinit(&reading->identity);
}
