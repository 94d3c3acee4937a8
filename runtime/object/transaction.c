#include "object/transaction.h"

#include <stdlib.h>

#include "object/object.h"
#include "object/objects.h"
#include "object/outbox.h"
#include "object/section.h"
#include "object/task.h"
#include "object/wish.h"

struct od_transaction {
    struct od_transaction *outer; // NULL: the outermost.
    const struct od_task *task;
    uint64_t number;
    uint64_t section; // What od_section_leave wants.
    uint64_t mark;    // In the open stretch.
    bool is_rolled_back;
};

static struct od_transaction *find(const struct od_object *object, uint64_t number)
{
    struct od_transaction *transaction = object->work->transaction;
    while (transaction != NULL && transaction->number != number)
        transaction = transaction->outer;
    return transaction;
}

uint64_t od_transaction_begin(struct od_task *task)
{
    OD_ASSERT(!od_object_is_entry(task->object));
    struct od_object *object = task->object;
    uint64_t section = od_section_enter(task, "transaction");
    if (section == 0)
        return 0;
    struct od_transaction *transaction = od_allocate_zeroed(sizeof *transaction);
    transaction->outer = object->work->transaction;
    transaction->task = task;
    transaction->number = ++object->objects->next_number;
    transaction->section = section;
    transaction->mark = od_storage_begin_part(&object->storage);
    object->work->transaction = transaction;
    return transaction->number;
}

enum od_transaction_state od_transaction_state(const struct od_object *object, uint64_t number)
{
    const struct od_transaction *transaction = find(object, number);
    if (transaction == NULL)
        return OD_TRANSACTION_OVER;
    return transaction->is_rolled_back ? OD_TRANSACTION_ROLLED_BACK : OD_TRANSACTION_OPEN;
}

bool od_transaction_has_inner(const struct od_object *object, uint64_t number)
{
    return object->work->transaction != NULL && object->work->transaction->number != number;
}

void od_transaction_roll_back(struct od_object *object, uint64_t number)
{
    struct od_transaction *transaction = object->work->transaction;
    OD_ASSERT(transaction != NULL);
    OD_ASSERT(transaction->number == number);
    od_storage_undo_part(&object->storage, transaction->mark);
    transaction->is_rolled_back = true;
}

// The innermost. False: it was to be kept and could not be.
static bool pop(struct od_object *object, bool keep, struct od_error *err)
{
    OD_ASSERT(object->work->transaction != NULL);
    OD_ASSERT(object->work->section != NULL);
    struct od_transaction *transaction = object->work->transaction;
    object->work->transaction = transaction->outer;
    keep = keep && !transaction->is_rolled_back;
    bool is_kept = od_storage_end_part(&object->storage, transaction->mark, keep, err);
    free(transaction);
    if (object->work->transaction != NULL)
        return is_kept;
    if (!keep || !is_kept)
        od_wish_recall(object); // One that was ended stands again.
    od_outbox_decide(object);
    return is_kept;
}

static void drop(struct od_object *object)
{
    struct od_error err;
    (void)!pop(object, false, &err);
}

bool od_transaction_end(struct od_task *task, uint64_t number, bool keep, struct od_error *err)
{
    struct od_object *object = task->object;
    const struct od_transaction *transaction = find(object, number);
    if (transaction == NULL)
        return od_error_set(err, "it was over before its function returned, and nothing of it is "
                                 "stored");
    OD_ASSERT(transaction->task == task);
    uint64_t section = transaction->section;
    for (; object->work->transaction != transaction; keep = false) {
        bool is_inside = od_section_leave(task, object->work->transaction->section);
        OD_ASSERT(is_inside);
        drop(object);
    }
    bool is_kept = pop(object, keep, err);
    bool is_inside = od_section_leave(task, section);
    OD_ASSERT(is_inside);
    return is_kept;
}

void od_transactions_abandon(struct od_object *object, const struct od_task *task)
{
    while (object->work->transaction != NULL &&
           (task == NULL || object->work->transaction->task == task))
        drop(object);
}
