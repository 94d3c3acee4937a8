#include "store/group.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fault.h"
#include "store/engine.h"

// --- Sources that failed -------------------------------------------------------------------------

static struct od_failed_source *find_failed(const struct od_failed_sources *failed, uint32_t source)
{
    OD_ASSERT(failed->size <= failed->capacity);
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
    OD_ASSERT(pending->fate != OD_FATE_FORGET);
    struct od_failed_source *found = find_failed(failed, pending->source);
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

static enum od_fate fate_of(struct od_group *group, const struct od_pending *pending,
                            struct od_rehearsal *rehearsal)
{
    OD_ASSERT(pending->fate != OD_FATE_FORGET);
    od_slice batches = od_pending_batches(pending);
    if (is_shut_out(group->failed, pending))
        return OD_FATE_DISCARDED;
    if (!od_submission_look(batches, &group->sets_alarm))
        return OD_FATE_MALFORMED;
    if (group->engine != NULL && !group->engine->has(group->engine, batches))
        return OD_FATE_ELSEWHERE;
    return od_rehearsal_look(rehearsal, batches) == 0 ? OD_FATE_WRITTEN : OD_FATE_DAMAGED;
}

static void decide(struct od_group *group, struct od_pending *pending,
                   struct od_rehearsal *rehearsal)
{
    if (pending->fate == OD_FATE_FORGET)
        return;
    pending->fate = fate_of(group, pending, rehearsal);
    if (pending->fate == OD_FATE_WRITTEN) {
        group->bytes += pending->size;
        group->count++;
    } else if (pending->fate != OD_FATE_DISCARDED) {
        shut_out(group->failed, pending);
    }
}

static void decide_all(struct od_group *group, struct od_rehearsal *rehearsal)
{
    OD_LIST_EACH (link, &group->pending)
        decide(group, od_pending_of(link), rehearsal);
    if (group->count > 0)
        group->code = od_rehearsal_reserve(rehearsal, group->bytes, group->count);
}

// Without it all of them fail.
static void rehearse(struct od_group *group, const struct od_committing *by)
{
    group->code = by->rehearsal->env->lost;
    if (group->code == 0)
        group->code = od_rehearsal_begin(by->rehearsal, by->gathering, &by->unapplied);
    if (group->code != 0)
        return;
    decide_all(group, by->rehearsal);
    od_rehearsal_end(by->rehearsal);
}

static bool has_fate(const struct od_group *group, enum od_fate fate)
{
    OD_LIST_EACH (link, &group->pending) {
        if (od_pending_of(link)->fate == fate)
            return true;
    }
    return false;
}

static int give_to_engine(struct od_group *group)
{
    size_t count = 0;
    od_slice *submissions = od_allocate(group->count * sizeof *submissions);
    OD_LIST_EACH (link, &group->pending) {
        const struct od_pending *pending = od_pending_of(link);
        if (pending->fate == OD_FATE_WRITTEN)
            submissions[count++] = od_pending_batches(pending);
    }
    OD_ASSERT(count == group->count);
    enum od_engine_outcome outcome =
        group->engine->commit(group->engine, submissions, count, &group->engine_err);
    free(submissions);
    return od_engine_code(outcome);
}

static int put_into_journal(const struct od_group *group, struct od_journal *journal)
{
    OD_ASSERT(group->count > 0);
    od_journal_begin(journal);
    OD_LIST_EACH (link, &group->pending) {
        const struct od_pending *pending = od_pending_of(link);
        if (pending->fate == OD_FATE_WRITTEN)
            od_journal_put(journal, od_pending_batches(pending));
    }
    return od_journal_commit(journal);
}

// The names are looked at behind the write: what went to a directory that has another data file by
// now will not be found.
static int write_group(struct od_group *group, const struct od_committing *by)
{
    OD_ASSERT(group->code == 0);
    int code = OD_FAULT("commit.fail") ? EIO : 0;
    if (code == 0)
        code = group->engine != NULL ? give_to_engine(group) : put_into_journal(group, by->journal);
    return code == 0 ? od_env_check_files(by->rehearsal->env) : code;
}

static void report_durable(const struct od_group *group, const struct od_journal_moment *moment,
                           struct od_reports *reports)
{
    OD_ASSERT(group->code == 0);
    od_reports_begin_group(reports);
    if (group->count > 0)
        od_reports_at(reports, moment);
    OD_LIST_EACH (link, &group->pending) {
        const struct od_pending *pending = od_pending_of(link);
        if (pending->fate == OD_FATE_WRITTEN)
            od_reports_durable(reports, pending->source, pending->seq);
    }
    od_reports_end_group(reports);
}

// A source that is gone stays behind a failure that is still to be told.
static void hand_over(struct od_group *group, struct od_gathering *gathering,
                      const struct od_journal_moment *moment)
{
    OD_ASSERT(group->code == 0);
    bool has_failed = od_group_has_failed(group);
    OD_LIST_EACH_SAFE (link, &group->pending) {
        struct od_pending *pending = od_pending_of(link);
        bool is_gone = pending->fate == OD_FATE_FORGET && !has_failed;
        if (pending->fate != OD_FATE_WRITTEN && !is_gone)
            continue;
        if (is_gone)
            forget_failed(group->failed, pending->source);
        od_list_remove(link);
        od_gathering_add(gathering, pending);
    }
    if (group->count > 0)
        od_gathering_added(gathering, moment, group->sets_alarm);
    group->written = group->count;
}

// An engine numbers nothing that LMDB, which is its cache, would have to know.
static struct od_journal_moment next_moment(const struct od_gathering *gathering)
{
    struct od_journal_moment moment = gathering->moment;
    moment.sequence++;
    return moment;
}

void od_group_commit(struct od_group *group, const struct od_committing *by,
                     struct od_reports *reports)
{
    group->env = by->rehearsal->env;
    rehearse(group, by);
    if (group->code == 0 && group->count > 0)
        group->code = write_group(group, by);
    if (od_group_has_failed(group))
        od_rehearsal_forget(by->rehearsal);
    if (group->code != 0)
        return;
    const struct od_journal_moment last =
        group->engine != NULL ? next_moment(by->gathering) : od_journal_last(by->journal);
    report_durable(group, &last, reports);
    hand_over(group, by->gathering, &last);
}

// --- What is left --------------------------------------------------------------------------------

// Only the first of a source and generation is told; what follows from it is not.
static void tell_failure(struct od_group *group, struct od_reports *reports,
                         const struct od_pending *pending, const char *why, const char *advice)
{
    struct od_error err;
    group->discarded++;
    shut_out(group->failed, pending);
    struct od_failed_source *failed = find_failed(group->failed, pending->source);
    OD_ASSERT(failed != NULL);
    od_error_set(&err, "the write could not be stored: %s%s", why, advice);
    if (!failed->is_reported)
        od_reports_failed(reports, pending->source, pending->generation, pending->seq, err.text);
    failed->is_reported = true;
}

static void tell(struct od_group *group, struct od_reports *reports,
                 const struct od_pending *pending)
{
    switch (pending->fate) {
    case OD_FATE_WRITTEN:
        tell_failure(group, reports, pending,
                     group->engine_err.text[0] != '\0' ? group->engine_err.text
                                                       : od_env_reason(group->code),
                     od_env_advice(group->env, group->code));
        break;
    case OD_FATE_ELSEWHERE:
        tell_failure(group, reports, pending, "its object is on another node", "");
        break;
    case OD_FATE_MALFORMED:
        tell_failure(group, reports, pending, "its batch is malformed", "");
        break;
    case OD_FATE_DAMAGED:
        tell_failure(group, reports, pending, od_env_reason(MDB_CORRUPTED),
                     od_env_advice(group->env, MDB_CORRUPTED));
        break;
    case OD_FATE_DISCARDED:
        group->discarded++;
        break;
    case OD_FATE_FORGET:
        forget_failed(group->failed, pending->source);
        od_reports_forgotten(reports, pending->source);
        break;
    case OD_FATE_TAKE:
    case OD_FATE_GIVE:
    case OD_FATE_LOAD:
    case OD_FATE_FILL:
    case OD_FATE_FILL_ALARMS:
        OD_UNREACHABLE("what is about slots comes by itself");
    }
}

bool od_group_has_failed(const struct od_group *group)
{
    return group->code != 0 || has_fate(group, OD_FATE_MALFORMED) ||
           has_fate(group, OD_FATE_DAMAGED) || has_fate(group, OD_FATE_ELSEWHERE);
}

void od_group_tell(struct od_group *group, struct od_reports *reports)
{
    od_reports_begin_group(reports);
    OD_LIST_EACH (link, &group->pending)
        tell(group, reports, od_pending_of(link));
    od_reports_end_group(reports);
}

void od_group_init(struct od_group *group, struct od_failed_sources *failed,
                   struct od_engine *engine)
{
    *group = (struct od_group){.failed = failed, .engine = engine};
    od_list_init(&group->pending);
}

void od_group_deinit(struct od_group *group)
{
    od_pending_free_all(&group->pending);
}
