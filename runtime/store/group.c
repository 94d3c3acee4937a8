#include "store/group.h"

#include <stdlib.h>

#include "base/fault.h"
#include "store/mapped.h"

// --- Sources that failed -------------------------------------------------------------------------

static struct od_failed_source *find_failed(const struct od_failed_sources *failed, uint32_t source)
{
    for (size_t i = 0; i < failed->size; i++) {
        if (failed->list[i].source == source)
            return &failed->list[i];
    }
    return NULL;
}

static bool is_shut_out(const struct od_failed_sources *failed, const struct od_pending *pending)
{
    const struct od_failed_source *found = find_failed(failed, pending->source);
    return found != NULL && pending->generation <= found->generation;
}

static void shut_out(struct od_failed_sources *failed, const struct od_pending *pending)
{
    OD_ASSERT(failed->size <= failed->capacity);
    struct od_failed_source *found = find_failed(failed, pending->source);
    // An older failure of the same source says less than the one that is known.
    if (found != NULL && found->generation >= pending->generation)
        return;
    if (found == NULL && failed->size == failed->capacity)
        failed->list = od_grow(failed->list, &failed->capacity, sizeof *failed->list);
    found = found != NULL ? found : &failed->list[failed->size++];
    *found = (struct od_failed_source){pending->source, pending->generation, false};
}

static void forget_failed(struct od_failed_sources *failed, uint32_t source)
{
    struct od_failed_source *found = find_failed(failed, source);
    if (found != NULL)
        *found = failed->list[--failed->size];
}

void od_failed_sources_deinit(struct od_failed_sources *failed)
{
    free(failed->list);
}

// --- Writing -------------------------------------------------------------------------------------

static void decide(struct od_group *group, struct od_pending *pending)
{
    OD_ASSERT(pending->fate == OD_FATE_WRITTEN || pending->fate == OD_FATE_FORGET);
    if (pending->fate == OD_FATE_FORGET)
        return;
    if (is_shut_out(group->failed, pending)) {
        pending->fate = OD_FATE_DISCARDED;
    } else if (!od_submission_is_valid((od_slice){pending->batches, pending->size})) {
        pending->fate = OD_FATE_MALFORMED;
        shut_out(group->failed, pending);
    }
}

static int write_all(struct od_group *group, struct od_write *write)
{
    int code = OD_FAULT("commit.fail") ? EIO : 0;
    OD_LIST_EACH (link, &group->pending) {
        struct od_pending *pending = OD_LIST_MEMBER(link, struct od_pending, link);
        od_slice batches = {pending->batches, pending->size};
        if (code == 0 && pending->fate == OD_FATE_WRITTEN)
            code = od_apply_submission(write, batches, &group->changes);
    }
    return code;
}

static bool has_fate(const struct od_group *group, enum od_fate fate)
{
    OD_LIST_EACH (link, &group->pending) {
        if (OD_LIST_MEMBER(link, struct od_pending, link)->fate == fate)
            return true;
    }
    return false;
}

struct writing {
    struct od_group *group;
    struct od_env *env;
    bool is_over; // Otherwise damage ended it in the middle.
};

static int write_transaction(void *argument)
{
    struct writing *writing = argument;
    struct od_write write;
    int code = od_write_begin(&write, writing->env);
    if (code == 0) {
        code = write_all(writing->group, &write);
        if (code == 0)
            code = od_write_commit(&write);
        else
            od_write_abort(&write);
    }
    writing->is_over = true;
    return code;
}

// The names are looked at again behind the commit: what went to a file that has lost its name is
// not stored. Damage that LMDB itself did not notice leaves its transaction and its lock in the
// middle: after that nothing more can be written.
static int write_group(struct od_group *group, struct od_env *env)
{
    struct writing writing = {.group = group, .env = env};
    int code = od_env_check_files(env);
    if (code == 0) {
        code = od_mapped_call(write_transaction, &writing);
        env->lost = writing.is_over ? 0 : MDB_CORRUPTED;
    }
    return code == 0 ? od_env_check_files(env) : code;
}

// --- Reporting -----------------------------------------------------------------------------------

// Only the first of a source and generation is told; what follows from it is not.
static void report_failure(struct od_group *group, struct od_reports *reports,
                           const struct od_pending *pending, const char *why)
{
    group->discarded++;
    shut_out(group->failed, pending);
    struct od_failed_source *failed = find_failed(group->failed, pending->source);
    OD_ASSERT(failed != NULL); // It has just been shut out.
    if (!failed->is_reported)
        od_reports_failed(reports, pending->source, pending->generation, pending->seq, why);
    failed->is_reported = true;
}

static void report_written(struct od_group *group, struct od_reports *reports,
                           const struct od_pending *pending, int code)
{
    if (code == 0) {
        group->written++;
        od_reports_committed(reports, pending->source, pending->seq);
        return;
    }
    struct od_error err;
    od_error_set(&err, "the write could not be stored: %s", od_env_reason(code));
    report_failure(group, reports, pending, err.text);
}

static void report(struct od_group *group, struct od_reports *reports,
                   const struct od_pending *pending, int code)
{
    switch (pending->fate) {
    case OD_FATE_WRITTEN:
        report_written(group, reports, pending, code);
        break;
    case OD_FATE_MALFORMED:
        report_failure(group, reports, pending,
                       "the write could not be stored: its batch is malformed");
        break;
    case OD_FATE_DISCARDED:
        group->discarded++;
        break;
    case OD_FATE_FORGET:
        forget_failed(group->failed, pending->source);
        od_reports_forgotten(reports, pending->source);
        break;
    }
}

void od_group_init(struct od_group *group, struct od_failed_sources *failed)
{
    *group = (struct od_group){.failed = failed, .changes = {.alarm_due_ms = OD_ALARM_NONE_MS}};
    od_list_init(&group->pending);
}

bool od_group_commit(struct od_group *group, struct od_env *env, struct od_reports *reports)
{
    OD_ASSERT(group->written == 0);
    OD_LIST_EACH (link, &group->pending)
        decide(group, OD_LIST_MEMBER(link, struct od_pending, link));
    int code = has_fate(group, OD_FATE_WRITTEN) ? write_group(group, env) : 0;
    od_reports_begin_group(reports);
    OD_LIST_EACH (link, &group->pending)
        report(group, reports, OD_LIST_MEMBER(link, struct od_pending, link), code);
    if (code == 0 && group->changes.alarm_due_ms != OD_ALARM_NONE_MS)
        od_reports_alarm(reports, group->changes.alarm_due_ms);
    od_reports_end_group(reports);
    return code == 0;
}
