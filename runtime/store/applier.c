#include "store/applier.h"

#include <errno.h>

#include "base/fault.h"
#include "store/journal_mark.h"
#include "store/limits.h"
#include "store/mapped.h"
#include "store/pending.h"

static void empty(struct od_applier *applier)
{
    od_newest_clear(&applier->newest);
    od_pending_free_all(&applier->pending);
    applier->bytes = applier->count = 0;
    applier->is_urgent = false;
}

void od_applier_init(struct od_applier *applier, struct od_env *env)
{
    OD_ASSERT(env->is_writer);
    *applier = (struct od_applier){.env = env, .writes_max = OD_STORE_APPLY_WRITES_MIN};
    od_list_init(&applier->pending);
    od_newest_init(&applier->newest);
    applier->rehearsal.newest = &applier->newest;
}

void od_applier_deinit(struct od_applier *applier)
{
    empty(applier);
    od_newest_deinit(&applier->newest);
}

// --- What it takes -------------------------------------------------------------------------------

static void note(struct od_applier *applier, od_slice submission)
{
    struct od_cursor cursor = od_cursor_of(submission);
    struct od_batch batch;
    struct od_operation operation;
    while (od_batch_next(&cursor, &batch)) {
        while (od_operation_next(&batch, &operation))
            od_newest_note(&applier->newest, batch.identity.id, &operation);
    }
}

void od_applier_add(struct od_applier *applier, struct od_pending *pending)
{
    OD_ASSERT(pending->fate == OD_FATE_WRITTEN || pending->fate == OD_FATE_FORGET);
    if (od_list_is_empty(&applier->pending)) {
        int64_t due_us = od_clock_passed_us() + OD_STORE_APPLY_US;
        applier->due_us = due_us > applier->rest_us ? due_us : applier->rest_us;
    }
    od_list_push_back(&applier->pending, &pending->link);
    if (pending->fate == OD_FATE_WRITTEN)
        note(applier, od_pending_batches(pending));
    applier->bytes += pending->size;
    applier->count++;
    applier->is_urgent = applier->is_urgent || pending->fate == OD_FATE_FORGET ||
                         applier->bytes > OD_STORE_UNAPPLIED_BYTES;
}

void od_applier_added(struct od_applier *applier, const struct od_journal_moment *moment,
                      bool sets_alarm)
{
    OD_ASSERT(moment->sequence > applier->mark.moment.sequence);
    applier->moment = *moment;
    applier->is_urgent = applier->is_urgent || sets_alarm; // Main finds it in LMDB.
}

bool od_applier_is_empty(const struct od_applier *applier)
{
    OD_ASSERT(od_list_is_empty(&applier->pending) == (applier->count == 0));
    OD_ASSERT(applier->count > 0 || applier->bytes == 0);
    OD_ASSERT(applier->count > 0 || !applier->is_urgent);
    return od_list_is_empty(&applier->pending);
}

bool od_applier_is_due(const struct od_applier *applier)
{
    return !od_applier_is_empty(applier) && !OD_FAULT("apply.hold") &&
           (applier->is_urgent || applier->newest.writes > applier->writes_max ||
            od_clock_passed_us() >= applier->due_us);
}

// --- Room ----------------------------------------------------------------------------------------

// A page copied for each submission and its way from the root, and all the bytes twice over: LMDB
// keeps what it replaces until no reader sees it.
int od_applier_reserve(struct od_applier *applier, size_t bytes, size_t count)
{
    uint64_t need = 2 * (uint64_t)(applier->bytes + bytes) +
                    (uint64_t)(applier->count + count) * OD_STORE_RESERVE_EACH_BYTES +
                    OD_STORE_RESERVE_LEAST_BYTES;
    return od_room_set_aside(&applier->room, applier->env, need);
}

// --- Writing -------------------------------------------------------------------------------------

struct writing {
    struct od_applier *applier;
    struct od_changes changes;
    int64_t took_us; // Without its end, whose syncs take the same time for one write as for many.
    bool is_over;    // Otherwise damage ended it in the middle.
};

static int write_all(struct writing *writing, struct od_write *write)
{
    struct od_applier *applier = writing->applier;
    OD_ASSERT(applier->moment.sequence > applier->mark.moment.sequence);
    int code = OD_FAULT("apply.fail") ? EIO : OD_FAULT("apply.full") ? ENOSPC : 0;
    write->newest = &applier->newest;
    OD_LIST_EACH (link, &applier->pending) {
        const struct od_pending *pending = od_pending_of(link);
        if (code == 0 && pending->fate == OD_FATE_WRITTEN)
            code = od_apply_submission(write, od_pending_batches(pending), &writing->changes);
    }
    struct od_journal_mark mark = applier->mark;
    mark.moment = applier->moment;
    return code == 0 ? od_journal_mark_put(&mark, write) : code;
}

static int write_transaction(void *argument)
{
    struct writing *writing = argument;
    struct od_write write;
    int code = od_write_begin(&write, writing->applier->env);
    if (code == 0) {
        int64_t begin_us = od_clock_passed_us();
        code = write_all(writing, &write);
        writing->took_us = od_clock_passed_us() - begin_us;
        if (code == 0)
            code = od_write_commit(&write);
        else
            od_write_abort(&write);
    }
    writing->is_over = true;
    return code;
}

// The names are looked at again behind the commit: what went to a file that has lost its name is
// not stored. Damage that came since it was rehearsed is the end: what is here is promised, and may
// not be left out.
static int write_to_lmdb(struct writing *writing)
{
    struct od_env *env = writing->applier->env;
    int code = od_env_check_files(env);
    if (code != 0)
        return code;
    code = od_mapped_call(write_transaction, writing);
    if (!writing->is_over || od_env_is_damage(code))
        env->lost = code;
    return code == 0 ? od_env_check_files(env) : code;
}

static void report_forgotten(const struct od_pending *pending, struct od_reports *reports)
{
    if (pending->fate == OD_FATE_FORGET)
        od_reports_forgotten(reports, pending->source);
}

void od_applier_abandon(struct od_applier *applier, struct od_reports *reports)
{
    od_reports_begin_group(reports);
    OD_LIST_EACH (link, &applier->pending)
        report_forgotten(od_pending_of(link), reports);
    od_reports_end_group(reports);
    empty(applier);
    applier->is_abandoned = true;
}

static void report(const struct od_applier *applier, const struct writing *writing,
                   struct od_reports *reports)
{
    od_reports_begin_group(reports);
    OD_LIST_EACH (link, &applier->pending) {
        const struct od_pending *pending = od_pending_of(link);
        if (pending->fate == OD_FATE_WRITTEN)
            od_reports_applied(reports, pending->source, pending->seq);
        report_forgotten(pending, reports);
    }
    if (writing->changes.alarm_due_ms != OD_ALARM_NONE_MS)
        od_reports_alarm(reports, writing->changes.alarm_due_ms);
    od_reports_end_group(reports);
}

// A few say nothing of many.
static void pace(struct od_applier *applier, int64_t took_us)
{
    size_t writes = applier->newest.writes;
    if (writes < OD_STORE_APPLY_WRITES_MIN)
        return;
    uint64_t fitting = writes * (uint64_t)OD_STORE_APPLY_WRITING_US / (uint64_t)(took_us + 1);
    applier->writes_max = fitting > OD_STORE_APPLY_WRITES_MIN ? fitting : OD_STORE_APPLY_WRITES_MIN;
}

int od_applier_run(struct od_applier *applier, struct od_reports *reports)
{
    struct writing writing = {.applier = applier, .changes = {.alarm_due_ms = OD_ALARM_NONE_MS}};
    bool has_written = applier->moment.sequence > applier->mark.moment.sequence;
    int64_t begin_us = od_clock_passed_us();
    if (applier->is_abandoned) {
        od_applier_abandon(applier, reports);
        return 0;
    }
    int code = has_written ? write_to_lmdb(&writing) : 0;
    if (code != 0) {
        od_write_forget(&applier->rehearsal);
        return code;
    }
    applier->mark.moment = applier->moment;
    applier->deleted_all = applier->deleted_all || writing.changes.deleted_all;
    if (reports != NULL)
        report(applier, &writing, reports);
    if (has_written)
        pace(applier, writing.took_us);
    empty(applier);
    int64_t now_us = od_clock_passed_us(), took_us = now_us - begin_us;
    applier->rest_us =
        now_us + (took_us < OD_STORE_APPLY_REST_US_MAX ? took_us : OD_STORE_APPLY_REST_US_MAX);
    return 0;
}
