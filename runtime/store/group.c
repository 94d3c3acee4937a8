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
    struct od_failed_source *found = find_failed(failed, pending->source);
    if (found != NULL && found->generation >= pending->generation)
        return;
    if (found == NULL && failed->size == failed->capacity) {
        failed->capacity = failed->capacity == 0 ? 4 : failed->capacity * 2;
        failed->list = od_reallocate(failed->list, failed->capacity * sizeof *failed->list);
    }
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
    if (pending->fate != OD_FATE_WRITTEN)
        return;
    if (is_shut_out(group->failed, pending)) {
        pending->fate = OD_FATE_DISCARDED;
    } else if (!od_submission_is_valid((od_slice){pending->batches, pending->size})) {
        pending->fate = OD_FATE_MALFORMED;
        shut_out(group->failed, pending);
    }
}

// What the same source sent behind it may rest on it.
static void leave_out(struct od_group *group, struct od_pending *damaged)
{
    damaged->fate = OD_FATE_DAMAGED;
    shut_out(group->failed, damaged);
    for (struct od_list *link = damaged->link.next; link != &group->pending; link = link->next)
        decide(group, OD_LIST_MEMBER(link, struct od_pending, link));
}

static int write_all(struct od_group *group, struct od_write *write)
{
    int code = OD_FAULT("commit.fail") ? EIO : 0;
    group->changes = (struct od_changes){.alarm_due_ms = OD_ALARM_NONE_MS};
    OD_LIST_EACH (link, &group->pending) {
        struct od_pending *pending = OD_LIST_MEMBER(link, struct od_pending, link);
        od_slice batches = {pending->batches, pending->size};
        if (code != 0 || pending->fate != OD_FATE_WRITTEN)
            continue;
        code = od_apply_submission(write, batches, &group->changes);
        if (od_env_is_damage(code))
            leave_out(group, pending);
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
    bool is_over;     // Otherwise damage ended it in the middle.
    bool is_to_retry; // Without what met damage.
};

static int write_transaction(void *argument)
{
    struct writing *writing = argument;
    struct od_write write;
    int code = od_write_begin(&write, writing->env);
    if (code == 0) {
        code = write_all(writing->group, &write);
        writing->is_to_retry = od_env_is_damage(code);
        if (code == 0)
            code = od_write_commit(&write);
        else
            od_write_abort(&write);
    }
    writing->is_over = true;
    return code;
}

// Damage that LMDB met in the middle, or that is where every write goes, is the end of writing.
static int try_write(struct writing *writing)
{
    struct od_env *env = writing->env;
    writing->is_over = writing->is_to_retry = false;
    int code = od_mapped_call(write_transaction, writing);
    if (!writing->is_over || code == OD_ENV_BASE_DAMAGED)
        env->lost = code;
    return code;
}

// The names are looked at again behind the commit: what went to a file that has lost its name is
// not stored.
static int write_group(struct od_group *group, struct od_env *env)
{
    struct writing writing = {.group = group, .env = env};
    int code = od_env_check_files(env);
    if (code != 0)
        return code;
    do
        code = has_fate(group, OD_FATE_WRITTEN) ? try_write(&writing) : 0;
    while (code != 0 && writing.is_to_retry);
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
    if (!failed->is_reported)
        od_reports_failed(reports, pending->source, pending->generation, pending->seq, why);
    failed->is_reported = true;
}

static void report_not_stored(struct od_group *group, struct od_reports *reports,
                              const struct od_pending *pending, int code)
{
    struct od_error err;
    od_error_set(&err, "the write could not be stored: %s%s", od_env_reason(code),
                 od_env_advice(code));
    report_failure(group, reports, pending, err.text);
}

static void report_written(struct od_group *group, struct od_reports *reports,
                           const struct od_pending *pending, int code)
{
    if (code == 0) {
        group->written++;
        od_reports_committed(reports, pending->source, pending->seq);
        return;
    }
    report_not_stored(group, reports, pending, code);
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
    case OD_FATE_DAMAGED:
        report_not_stored(group, reports, pending, MDB_CORRUPTED);
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
