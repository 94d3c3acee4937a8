#include "store/apply.h"

#include "store/alarm_rows.h"
#include "store/directory.h"
#include "store/newest.h"
#include "store/rows.h"
#include "store/trash.h"

struct target {
    struct od_write *write;
    const struct od_identity *identity;
    struct od_rows rows; // number 0: the object has none.
    bool is_known;       // That number, or that there is none.
    struct od_changes *changes;
};

static int find_number(struct target *target)
{
    if (target->is_known)
        return 0;
    int code = od_directory_number(target->write, target->identity->id, &target->rows.number);
    target->is_known = code == 0 || code == MDB_NOTFOUND;
    return target->is_known ? 0 : code;
}

// Whatever an object writes first, its name is stored with it.
static int give_number(struct target *target)
{
    if (target->rows.number != 0)
        return 0;
    OD_ASSERT(target->identity != NULL);
    target->rows.number = od_write_number(target->write);
    OD_ASSERT(target->rows.number != 0);
    return od_directory_put(target->write, target->rows.number, target->identity);
}

static int apply_put(struct target *target, const struct od_operation *operation)
{
    int code = give_number(target);
    if (code != 0)
        return code;
    return od_rows_put(&target->rows, operation->key, operation->value);
}

static int apply_delete(struct target *target, const struct od_operation *operation)
{
    if (target->rows.number == 0)
        return 0;
    int code = od_rows_delete(&target->rows, operation->key);
    return code == MDB_NOTFOUND ? 0 : code;
}

static int apply_delete_all(struct target *target, const struct od_operation *operation)
{
    (void)operation;
    if (target->rows.number == 0)
        return 0;
    int code = od_alarm_rows_delete_all(&target->rows, target->identity->id);
    if (code == 0)
        code = od_trash_add(target->write, target->rows.slot, target->rows.number);
    if (code == 0)
        code = od_directory_remove(target->write, target->identity->id);
    target->rows.number = 0;
    target->changes->deleted_all = true;
    return code;
}

static int apply_set_alarm(struct target *target, const struct od_operation *operation)
{
    int code = give_number(target);
    if (code != 0)
        return code;
    if (operation->alarm_ms < target->changes->alarm_due_ms)
        target->changes->alarm_due_ms = operation->alarm_ms;
    return od_alarm_rows_put(&target->rows, target->identity->id, operation->key, operation->value);
}

static int apply_delete_alarm(struct target *target, const struct od_operation *operation)
{
    if (target->rows.number == 0)
        return 0;
    return od_alarm_rows_delete(&target->rows, target->identity->id, operation->key);
}

static int apply_put_page(struct target *target, const struct od_operation *operation)
{
    OD_ASSERT(operation->page > 0); // od_submission_is_valid has looked.
    int code = give_number(target);
    return code == 0 ? od_rows_put_page(&target->rows, operation->page, operation->value) : code;
}

static int apply_delete_page(struct target *target, const struct od_operation *operation)
{
    OD_ASSERT(operation->page > 0); // od_submission_is_valid has looked.
    if (target->rows.number == 0)
        return 0;
    int code = od_rows_delete_page(&target->rows, operation->page);
    return code == MDB_NOTFOUND ? 0 : code;
}

static int (*const appliers[])(struct target *, const struct od_operation *) = {
    [OD_OPERATION_PUT] = apply_put,
    [OD_OPERATION_DELETE] = apply_delete,
    [OD_OPERATION_DELETE_ALL] = apply_delete_all,
    [OD_OPERATION_SET_ALARM] = apply_set_alarm,
    [OD_OPERATION_DELETE_ALARM] = apply_delete_alarm,
    [OD_OPERATION_PUT_PAGE] = apply_put_page,
    [OD_OPERATION_DELETE_PAGE] = apply_delete_page,
    [OD_OPERATION_SET_NAMED_ALARM] = apply_set_alarm,
    [OD_OPERATION_DELETE_NAMED_ALARM] = apply_delete_alarm,
};

// What goes where a write goes that waits already rests on what that one rests on. Only to delete
// more must be looked at.
static enum od_newest_use use_of(struct od_write *write, const struct od_identity *identity,
                                 const struct od_operation *operation)
{
    if (write->newest == NULL)
        return OD_NEWEST_WRITE;
    if (write->txn != NULL)
        return od_newest_use(write->newest, write->operations++);
    bool puts = operation->kind == OD_OPERATION_PUT || operation->kind == OD_OPERATION_PUT_PAGE;
    return puts && od_newest_has(write->newest, identity->id, operation) ? OD_NEWEST_NONE
                                                                         : OD_NEWEST_WRITE;
}

static int apply_operation(struct target *target, const struct od_operation *operation)
{
    OD_ASSERT(operation->kind < sizeof appliers / sizeof *appliers);
    OD_ASSERT(appliers[operation->kind] != NULL);
    if (operation->value.size > target->write->value_bytes)
        target->write->value_bytes = operation->value.size;
    enum od_newest_use use = use_of(target->write, target->identity, operation);
    int code = use == OD_NEWEST_NONE ? 0 : find_number(target);
    if (code != 0 || use == OD_NEWEST_NONE)
        return code;
    return use == OD_NEWEST_NUMBER ? give_number(target)
                                   : appliers[operation->kind](target, operation);
}

static int apply_batch(struct od_write *write, struct od_batch *batch, struct od_changes *changes)
{
    struct target target = {.write = write, .identity = &batch->identity, .changes = changes};
    OD_ASSERT(changes != NULL);
    target.rows.txn = write->txn;
    target.rows.data = write->env->data;
    target.rows.slot = od_slot_of_id(batch->identity.id);
    target.rows.write = write;
    int code = 0;
    struct od_operation operation;
    while (code == 0 && od_operation_next(batch, &operation))
        code = apply_operation(&target, &operation);
    return code;
}

int od_apply_submission(struct od_write *write, od_slice submission, struct od_changes *changes)
{
    struct od_cursor cursor = od_cursor_of(submission);
    struct od_batch batch;
    int code = 0;
    while (code == 0 && od_batch_next(&cursor, &batch))
        code = apply_batch(write, &batch, changes);
    OD_ASSERT(!cursor.failed);
    return code;
}
