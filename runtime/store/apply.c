#include "store/apply.h"

#include "store/directory.h"
#include "store/rows.h"
#include "store/trash.h"

struct target {
    struct od_write *write;
    const struct od_identity *identity;
    struct od_rows rows; // number 0: the object has none.
    bool deleted_all;
};

static int apply_put(struct target *target, const struct od_operation *operation)
{
    int code = 0;
    if (target->rows.number == 0) {
        target->rows.number = od_write_number(target->write);
        code = od_directory_put(target->write, target->rows.number, target->identity);
    }
    if (code != 0)
        return code;
    return od_rows_put(&target->rows, target->write, operation->key, operation->value);
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
    int code = od_trash_add(target->write, target->rows.slot, target->rows.number);
    if (code == 0)
        code = od_directory_remove(target->write, target->identity->id);
    target->rows.number = 0;
    target->deleted_all = true;
    return code;
}

static int (*const appliers[])(struct target *, const struct od_operation *) = {
    [OD_OPERATION_PUT] = apply_put,
    [OD_OPERATION_DELETE] = apply_delete,
    [OD_OPERATION_DELETE_ALL] = apply_delete_all,
};

static int apply_batch(struct od_write *write, struct od_batch *batch, bool *deleted_all)
{
    struct od_identity known;
    struct target target = {.write = write, .identity = &batch->identity};
    target.rows.txn = write->txn;
    target.rows.data = write->env->data;
    target.rows.slot = od_slot_of_id(batch->identity.id);
    int code =
        od_directory_find(write->env, write->txn, batch->identity.id, &target.rows.number, &known);
    if (code == MDB_NOTFOUND)
        code = 0;
    struct od_operation operation;
    while (code == 0 && od_operation_next(batch, &operation))
        code = appliers[operation.kind](&target, &operation);
    *deleted_all = *deleted_all || target.deleted_all;
    return code;
}

int od_apply_submission(struct od_write *write, od_slice submission, bool *deleted_all)
{
    struct od_cursor cursor = od_cursor_of(submission);
    struct od_batch batch;
    int code = 0;
    while (code == 0 && od_batch_next(&cursor, &batch))
        code = apply_batch(write, &batch, deleted_all);
    OD_ASSERT(!cursor.failed);
    return code;
}
