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

struct coming {
    struct od_env *env;
    struct od_changes *changes;
};

static int put_submission(void *context, od_slice submission)
{
    const struct coming *coming = context;
    return put(coming->env, submission, coming->changes);
}

static void report_placed(const struct od_intake *intake, bool is_here)
{
    const struct od_engine_slot *slots = (const void *)intake->order->batches;
    od_reports_begin_group(intake->reports);
    for (size_t i = 0; i < intake->order->size / sizeof *slots; i++)
        od_reports_placed(intake->reports, slots[i].slot, is_here);
    od_reports_end_group(intake->reports);
}

static int take(const struct od_intake *intake, struct od_changes *changes, struct od_error *err)
{
    const struct od_engine_slot *slots = (const void *)intake->order->batches;
    size_t count = intake->order->size / sizeof *slots;
    (void)err;
    int code = sweep_all(intake->env, slots, count, changes);
    if (code != 0)
        return code;
    intake->engine->take(intake->engine, slots, count);
    report_placed(intake, true);
    return 0;
}

// The next owner need not wait until all is gone here.
static int give(const struct od_intake *intake, struct od_changes *changes, struct od_error *err)
{
    const struct od_engine_slot *slots = (const void *)intake->order->batches;
    size_t count = intake->order->size / sizeof *slots;
    (void)err;
    for (size_t i = 0; i < count; i++)
        intake->engine->give(intake->engine, slots[i].slot);
    report_placed(intake, false);
    return sweep_all(intake->env, slots, count, changes);
}

static void begin_report(const struct od_intake *intake, const struct od_changes *changes)
{
    od_reports_begin_group(intake->reports);
    if (changes->alarm_due_ms != OD_ALARM_NONE_MS)
        od_reports_alarm(intake->reports, changes->alarm_due_ms);
}

static int load(const struct od_intake *intake, struct od_changes *changes, struct od_error *err)
{
    struct coming coming = {intake->env, changes};
    struct od_engine_sink sink = {put_submission, &coming};
    struct od_bytes ids = {0};
    struct od_cursor asked = od_cursor_of(od_pending_batches(intake->order));
    while (!od_cursor_at_end(&asked)) {
        od_slice id = od_cursor_bytes(&asked, OD_ID_BYTES);
        if (intake->engine->has_slot(intake->engine, od_slot_of_id((const uint8_t *)id.at)))
            od_bytes_put_slice(&ids, id);
    }
    enum od_engine_outcome outcome =
        ids.size == 0 ? OD_ENGINE_STORED
                      : intake->engine->load(intake->engine, od_bytes_slice(&ids), &sink, err);
    begin_report(intake, changes);
    for (size_t at = 0; at < ids.size && outcome == OD_ENGINE_STORED; at += OD_ID_BYTES)
        od_reports_loaded(intake->reports, (const uint8_t *)ids.at + at);
    od_reports_end_group(intake->reports);
    od_bytes_deinit(&ids);
    return od_engine_code(outcome);
}

// Those that have gone meanwhile are as whole as they will be.
static void report_filled(const struct od_intake *intake, const struct od_engine_filled *filled,
                          size_t whole)
{
    const od_slot *asked = (const void *)intake->order->batches;
    size_t count = intake->order->size / sizeof *asked;
    for (size_t i = 0, taken = 0; i < count; i++) {
        bool is_taken = taken < filled->count && filled->slots[taken] == asked[i];
        bool is_whole = !is_taken || taken < whole;
        od_reports_filled(intake->reports, asked[i], filled->only_alarms, is_whole);
        if (!is_whole)
            break;
        taken += is_taken;
    }
}

static int fill_part(const struct od_intake *intake, bool only_alarms, struct od_changes *changes,
                     struct od_error *err)
{
    struct coming coming = {intake->env, changes};
    struct od_engine_sink sink = {put_submission, &coming};
    const od_slot *asked = (const void *)intake->order->batches;
    size_t asked_count = intake->order->size / sizeof *asked, whole = 0;
    od_slot slots[OD_SLOT_COUNT];
    struct od_engine_filled filled = {slots, 0, only_alarms};
    OD_ASSERT(asked_count <= OD_SLOT_COUNT);
    for (size_t i = 0; i < asked_count; i++) {
        if (intake->engine->has_slot(intake->engine, asked[i]))
            slots[filled.count++] = asked[i];
    }
    enum od_engine_outcome outcome =
        filled.count == 0 ? OD_ENGINE_STORED
                          : intake->engine->fill(intake->engine, &filled, &sink, &whole, err);
    begin_report(intake, changes);
    if (outcome == OD_ENGINE_STORED)
        report_filled(intake, &filled, whole);
    od_reports_end_group(intake->reports);
    return od_engine_code(outcome);
}

static int fill(const struct od_intake *intake, struct od_changes *changes, struct od_error *err)
{
    return fill_part(intake, false, changes, err);
}

static int fill_alarms(const struct od_intake *intake, struct od_changes *changes,
                       struct od_error *err)
{
    return fill_part(intake, true, changes, err);
}

int od_intake_perform(const struct od_intake *intake, bool *has_trash, struct od_error *err)
{
    static int (*const performers[])(const struct od_intake *, struct od_changes *,
                                     struct od_error *) = {[OD_FATE_TAKE] = take,
                                                           [OD_FATE_GIVE] = give,
                                                           [OD_FATE_LOAD] = load,
                                                           [OD_FATE_FILL] = fill,
                                                           [OD_FATE_FILL_ALARMS] = fill_alarms};
    struct od_changes changes = {.alarm_due_ms = OD_ALARM_NONE_MS};
    OD_ASSERT(intake->engine != NULL);
    OD_ASSERT(od_pending_is_order(intake->order));
    int code = performers[intake->order->fate](intake, &changes, err);
    *has_trash = *has_trash || changes.deleted_all;
    return code;
}
