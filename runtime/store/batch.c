#include "store/batch.h"

#include "store/limits.h"

size_t od_batch_begin(struct od_bytes *bytes, const struct od_identity *identity)
{
    size_t begin = bytes->size;
    od_bytes_put_u32(bytes, 0);
    od_identity_put(bytes, identity);
    return begin;
}

void od_batch_put(struct od_bytes *bytes, od_slice key, od_slice value)
{
    od_bytes_put_u8(bytes, OD_OPERATION_PUT);
    od_bytes_put_string(bytes, key);
    od_bytes_put_string(bytes, value);
}

void od_batch_delete(struct od_bytes *bytes, od_slice key)
{
    od_bytes_put_u8(bytes, OD_OPERATION_DELETE);
    od_bytes_put_string(bytes, key);
}

void od_batch_delete_all(struct od_bytes *bytes)
{
    od_bytes_put_u8(bytes, OD_OPERATION_DELETE_ALL);
}

void od_batch_set_alarm(struct od_bytes *bytes, od_slice name, od_slice row)
{
    OD_ASSERT(name.size > 0 || row.size == OD_ALARM_BYTES);
    od_bytes_put_u8(bytes, name.size > 0 ? OD_OPERATION_SET_NAMED_ALARM : OD_OPERATION_SET_ALARM);
    if (name.size > 0) {
        od_bytes_put_string(bytes, name);
        od_bytes_put_string(bytes, row);
    } else {
        od_bytes_put_slice(bytes, row);
    }
}

void od_batch_delete_alarm(struct od_bytes *bytes, od_slice name)
{
    od_bytes_put_u8(bytes,
                    name.size > 0 ? OD_OPERATION_DELETE_NAMED_ALARM : OD_OPERATION_DELETE_ALARM);
    if (name.size > 0)
        od_bytes_put_string(bytes, name);
}

void od_batch_put_page(struct od_bytes *bytes, uint32_t page, od_slice squeezed)
{
    OD_ASSERT(page > 0);
    OD_ASSERT(squeezed.size <= OD_STORE_PAGE_BYTES);
    od_bytes_put_u8(bytes, OD_OPERATION_PUT_PAGE);
    od_bytes_put_u32(bytes, page);
    od_bytes_put_string(bytes, squeezed);
}

void od_batch_delete_page(struct od_bytes *bytes, uint32_t page)
{
    OD_ASSERT(page > 0);
    od_bytes_put_u8(bytes, OD_OPERATION_DELETE_PAGE);
    od_bytes_put_u32(bytes, page);
}

void od_batch_end(struct od_bytes *bytes, size_t begin)
{
    OD_ASSERT(bytes->size >= begin + 4);
    size_t size = bytes->size - begin - 4;
    OD_ASSERT(size <= UINT32_MAX);
    od_bytes_set_u32(bytes, begin, (uint32_t)size);
}

bool od_batch_next(struct od_cursor *submission, struct od_batch *batch)
{
    if (od_cursor_at_end(submission))
        return false;
    batch->operations = od_cursor_of(od_cursor_string(submission));
    od_identity_read(&batch->operations, &batch->identity);
    if (batch->operations.failed)
        submission->failed = true;
    return !submission->failed;
}

static od_slice read_bounded(struct od_cursor *cursor, size_t bytes_max)
{
    od_slice field = od_cursor_string(cursor);
    if (field.size > bytes_max)
        cursor->failed = true;
    return field;
}

static void read_key(struct od_cursor *cursor, struct od_operation *operation)
{
    operation->key = read_bounded(cursor, OD_STORE_KEY_BYTES_MAX);
}

static void read_pair(struct od_cursor *cursor, struct od_operation *operation)
{
    read_key(cursor, operation);
    operation->value = read_bounded(cursor, OD_STORE_VALUE_BYTES_MAX);
}

static void take_row(struct od_cursor *cursor, struct od_operation *operation)
{
    struct od_alarm_row row;
    if (od_alarm_row_read(operation->value, &row))
        operation->alarm_ms = row.alarm.due_ms;
    else
        cursor->failed = true;
}

static void read_alarm(struct od_cursor *cursor, struct od_operation *operation)
{
    operation->value = od_cursor_bytes(cursor, OD_ALARM_BYTES);
    take_row(cursor, operation);
}

static void read_alarm_name(struct od_cursor *cursor, struct od_operation *operation)
{
    operation->key = read_bounded(cursor, OD_STORE_ALARM_NAME_BYTES_MAX);
    if (operation->key.size == 0)
        cursor->failed = true;
}

static void read_named_alarm(struct od_cursor *cursor, struct od_operation *operation)
{
    read_alarm_name(cursor, operation);
    operation->value = od_cursor_string(cursor);
    take_row(cursor, operation);
}

// Pages count from 1.
static void read_page(struct od_cursor *cursor, struct od_operation *operation)
{
    operation->page = od_cursor_u32(cursor);
    if (operation->page == 0)
        cursor->failed = true;
}

static void read_page_and_bytes(struct od_cursor *cursor, struct od_operation *operation)
{
    read_page(cursor, operation);
    operation->value = read_bounded(cursor, OD_STORE_PAGE_BYTES);
}

static void read_nothing(struct od_cursor *cursor, struct od_operation *operation)
{
    (void)cursor;
    (void)operation;
}

static void (*const readers[])(struct od_cursor *, struct od_operation *) = {
    [OD_OPERATION_PUT] = read_pair,
    [OD_OPERATION_DELETE] = read_key,
    [OD_OPERATION_DELETE_ALL] = read_nothing,
    [OD_OPERATION_SET_ALARM] = read_alarm,
    [OD_OPERATION_DELETE_ALARM] = read_nothing,
    [OD_OPERATION_PUT_PAGE] = read_page_and_bytes,
    [OD_OPERATION_DELETE_PAGE] = read_page,
    [OD_OPERATION_SET_NAMED_ALARM] = read_named_alarm,
    [OD_OPERATION_DELETE_NAMED_ALARM] = read_alarm_name,
};

bool od_operation_next(struct od_batch *batch, struct od_operation *operation)
{
    struct od_cursor *cursor = &batch->operations;
    if (od_cursor_at_end(cursor))
        return false;
    uint8_t kind = od_cursor_u8(cursor);
    *operation = (struct od_operation){.kind = (enum od_operation_kind)kind};
    if (kind < OD_OPERATION_PUT || kind >= OD_OPERATION_KINDS)
        cursor->failed = true;
    else
        readers[kind](cursor, operation);
    return !cursor->failed;
}

static bool sets_time(const struct od_operation *operation)
{
    return operation->kind == OD_OPERATION_SET_ALARM ||
           operation->kind == OD_OPERATION_SET_NAMED_ALARM;
}

bool od_submission_look(od_slice submission, bool *sets_alarm)
{
    struct od_cursor cursor = od_cursor_of(submission);
    struct od_batch batch;
    while (od_batch_next(&cursor, &batch)) {
        struct od_operation operation;
        while (od_operation_next(&batch, &operation))
            *sets_alarm = *sets_alarm || sets_time(&operation);
        if (batch.operations.failed)
            return false;
    }
    return !cursor.failed;
}

bool od_submission_is_valid(od_slice submission)
{
    bool sets_alarm = false;
    return od_submission_look(submission, &sets_alarm);
}
