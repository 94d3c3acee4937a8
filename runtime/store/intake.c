#include "store/intake.h"

#include <string.h>

#include "store/directory.h"
#include "store/mapped.h"

// --- One transaction -----------------------------------------------------------------------------

struct putting {
    struct od_env *env;
    od_slice submission;
    struct od_changes *changes;
};

static int put_transaction(void *argument)
{
    const struct putting *putting = argument;
    struct od_write write;
    int code = od_write_begin(&write, putting->env);
    if (code != 0)
        return code;
    code = od_apply_submission(&write, putting->submission, putting->changes);
    if (code == 0)
        return od_write_commit(&write);
    od_write_abort(&write);
    return code;
}

static int put(struct od_env *env, od_slice submission, struct od_changes *changes)
{
    struct putting putting = {env, submission, changes};
    int code = od_env_check_files(env);
    return code == 0 ? od_mapped_call(put_transaction, &putting) : code;
}

// --- What lies here ------------------------------------------------------------------------------

enum {
    sweep_objects_max = 1000, // In one transaction.
};

struct sweeping {
    struct od_env *env;
    od_slot slot;
    struct od_bytes batches; // That delete all.
    size_t count;
};

static bool sweep_object(void *context, od_slice place, const struct od_identity *identity)
{
    struct sweeping *sweeping = context;
    (void)place;
    if (od_slot_of_id(identity->id) != sweeping->slot || sweeping->count == sweep_objects_max)
        return false;
    size_t begin = od_batch_begin(&sweeping->batches, identity);
    od_batch_delete_all(&sweeping->batches);
    od_batch_end(&sweeping->batches, begin);
    sweeping->count++;
    return true;
}

// Behind the last object of the slot before.
static int gather(void *argument)
{
    struct sweeping *sweeping = argument;
    char after[2] = {(char)(sweeping->slot >> 8), (char)sweeping->slot};
    MDB_txn *txn;
    int code = mdb_txn_begin(sweeping->env->lmdb, NULL, MDB_RDONLY, &txn);
    if (code != 0)
        return code;
    code = od_directory_walk(sweeping->env, txn, (od_slice){after, sizeof after}, sweep_object,
                             sweeping);
    mdb_txn_abort(txn);
    return code;
}

static int sweep_some(struct od_env *env, od_slot slot, struct od_changes *changes, bool *is_over)
{
    struct sweeping sweeping = {.env = env, .slot = slot};
    int code = od_mapped_call(gather, &sweeping);
    *is_over = sweeping.count < sweep_objects_max;
    if (code == 0 && sweeping.count > 0)
        code = put(env, od_bytes_slice(&sweeping.batches), changes);
    od_bytes_deinit(&sweeping.batches);
    return code;
}

static int sweep(struct od_env *env, od_slot slot, struct od_changes *changes)
{
    bool is_over = false;
    int code = 0;
    while (code == 0 && !is_over)
        code = sweep_some(env, slot, changes, &is_over);
    return code;
}

static int sweep_all(struct od_env *env, const struct od_engine_slot *slots, size_t count,
                     struct od_changes *changes)
{
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++)
        code = sweep(env, slots[i].slot, changes);
    return code;
}

// --- What comes ----------------------------------------------------------------------------------

struct taking {
    struct od_env *env;
    const struct od_engine_slot *slots;
    size_t count;
    struct od_changes *changes;
};

static int begin_taking(void *context)
{
    const struct taking *taking = context;
    return sweep_all(taking->env, taking->slots, taking->count, taking->changes);
}

static int take_submission(void *context, od_slice submission)
{
    const struct taking *taking = context;
    return put(taking->env, submission, taking->changes);
}

static void report(struct od_reports *reports, const struct od_engine_slot *slots, size_t count,
                   bool is_here, od_time_ms due_ms)
{
    od_reports_begin_group(reports);
    for (size_t i = 0; i < count; i++)
        od_reports_placed(reports, slots[i].slot, is_here);
    if (due_ms != OD_ALARM_NONE_MS)
        od_reports_alarm(reports, due_ms);
    od_reports_end_group(reports);
}

static int take(struct od_engine *engine, struct taking *taking, struct od_reports *reports,
                struct od_error *err)
{
    struct od_engine_sink sink = {begin_taking, take_submission, taking};
    enum od_engine_outcome outcome = engine->take(engine, taking->slots, taking->count, &sink, err);
    if (outcome == OD_ENGINE_STORED)
        report(reports, taking->slots, taking->count, true, taking->changes->alarm_due_ms);
    return od_engine_code(outcome);
}

static int give(struct od_engine *engine, struct taking *taking, struct od_reports *reports)
{
    for (size_t i = 0; i < taking->count; i++)
        engine->give(engine, taking->slots[i].slot);
    int code = begin_taking(taking);
    report(reports, taking->slots, taking->count, false, OD_ALARM_NONE_MS);
    return code;
}

int od_intake_perform(struct od_env *env, struct od_engine *engine, const struct od_pending *order,
                      bool *has_trash, struct od_reports *reports, struct od_error *err)
{
    struct od_changes changes = {.alarm_due_ms = OD_ALARM_NONE_MS};
    struct taking taking = {env, (const void *)order->batches,
                            order->size / sizeof(struct od_engine_slot), &changes};
    OD_ASSERT(engine != NULL);
    OD_ASSERT(taking.count > 0);
    int code = order->fate == OD_FATE_GIVE ? give(engine, &taking, reports)
                                           : take(engine, &taking, reports, err);
    *has_trash = *has_trash || changes.deleted_all;
    return code;
}
