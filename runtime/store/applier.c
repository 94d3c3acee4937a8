#include "store/applier.h"

#include <errno.h>
#include <time.h>

#include "base/fault.h"
#include "store/apply.h"
#include "store/limits.h"
#include "store/mapped.h"
#include "store/pending.h"

int od_applier_init(struct od_applier *applier, struct od_env *env)
{
    OD_ASSERT(env->is_writer);
    *applier = (struct od_applier){.env = env, .writes_max = OD_STORE_APPLY_WRITES_MIN};
    return od_journal_mark_load(&applier->mark, env);
}

// --- Writing -------------------------------------------------------------------------------------

struct writing {
    const struct od_applier *applier;
    const struct od_gathering *gathering;
    struct od_changes changes;
    bool is_over; // Otherwise damage ended it in the middle.
};

static bool has_written(const struct od_applier *applier, const struct od_gathering *gathering)
{
    return gathering->moment.sequence > applier->mark.moment.sequence;
}

static int write_all(struct writing *writing, struct od_write *write)
{
    const struct od_gathering *gathering = writing->gathering;
    OD_ASSERT(has_written(writing->applier, gathering));
    int code = OD_FAULT("apply.fail") ? EIO : OD_FAULT("apply.full") ? ENOSPC : 0;
    write->newest = &gathering->newest;
    OD_LIST_EACH (link, &gathering->pending) {
        const struct od_pending *pending = od_pending_of(link);
        if (code == 0 && pending->fate == OD_FATE_WRITTEN)
            code = od_apply_submission(write, od_pending_batches(pending), &writing->changes);
    }
    struct od_journal_mark mark = writing->applier->mark;
    mark.moment = gathering->moment;
    return code == 0 ? od_journal_mark_put(&mark, write) : code;
}

static int write_transaction(void *argument)
{
    struct writing *writing = argument;
    struct od_write write;
    int code = od_write_begin(&write, writing->applier->env);
    if (code == 0) {
        code = write_all(writing, &write);
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
// not be left out: the journal would forget it, and its object go on with what it had before.
static int write_to_lmdb(struct writing *writing)
{
    struct od_env *env = writing->applier->env;
    int code = od_env_check_files(env);
    if (code != 0)
        return code;
    code = od_mapped_call(write_transaction, writing);
    if (!writing->is_over || od_env_is_damage(code))
        od_env_lose(env, code);
    return code == 0 ? od_env_check_files(env) : code;
}

static void report_forgotten(const struct od_pending *pending, struct od_reports *reports)
{
    if (pending->fate == OD_FATE_FORGET)
        od_reports_forgotten(reports, pending->source);
}

void od_applier_abandon(struct od_applier *applier, struct od_gathering *gathering,
                        struct od_reports *reports)
{
    od_reports_begin_group(reports);
    OD_LIST_EACH (link, &gathering->pending)
        report_forgotten(od_pending_of(link), reports);
    od_reports_end_group(reports);
    od_gathering_clear(gathering);
    applier->is_abandoned = true;
}

static void report(const struct writing *writing, struct od_reports *reports)
{
    od_reports_begin_group(reports);
    OD_LIST_EACH (link, &writing->gathering->pending) {
        const struct od_pending *pending = od_pending_of(link);
        if (pending->fate == OD_FATE_WRITTEN)
            od_reports_applied(reports, pending->source, pending->seq);
        report_forgotten(pending, reports);
    }
    if (writing->changes.alarm_due_ms != OD_ALARM_NONE_MS)
        od_reports_alarm(reports, writing->changes.alarm_due_ms);
    od_reports_end_group(reports);
}

static int64_t busy_us(void)
{
    struct timespec busy;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &busy);
    return (int64_t)busy.tv_sec * 1000000 + busy.tv_nsec / 1000;
}

// A few say nothing of many.
static void pace(struct od_applier *applier, size_t writes, int64_t took_us)
{
    if (writes < OD_STORE_APPLY_WRITES_MIN)
        return;
    uint64_t fitting = writes * (uint64_t)OD_STORE_APPLY_BUSY_US / (uint64_t)(took_us + 1);
    applier->writes_max = fitting > OD_STORE_APPLY_WRITES_MIN ? fitting : OD_STORE_APPLY_WRITES_MIN;
}

static int write_and_pace(struct od_applier *applier, struct writing *writing)
{
    int64_t begin_us = busy_us();
    int code = write_to_lmdb(writing);
    if (code == 0)
        pace(applier, writing->gathering->newest.writes, busy_us() - begin_us);
    return code;
}

int od_applier_run(struct od_applier *applier, struct od_gathering *gathering,
                   struct od_reports *reports)
{
    struct writing writing = {
        .applier = applier, .gathering = gathering, .changes = {.alarm_due_ms = OD_ALARM_NONE_MS}};
    OD_ASSERT(!od_gathering_is_empty(gathering));
    if (applier->is_abandoned) {
        od_applier_abandon(applier, gathering, reports);
        return 0;
    }
    int code = has_written(applier, gathering) ? write_and_pace(applier, &writing) : 0;
    if (code != 0)
        return code;
    applier->mark.moment = gathering->moment;
    applier->deleted_all = applier->deleted_all || writing.changes.deleted_all;
    if (reports != NULL)
        report(&writing, reports);
    od_gathering_clear(gathering);
    return 0;
}
