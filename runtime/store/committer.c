#include "store/committer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/thread.h"
#include "store/applier.h"
#include "store/env_file.h"
#include "store/group.h"
#include "store/intake.h"
#include "store/journal.h"
#include "store/limits.h"
#include "store/lock.h"
#include "store/mapped.h"
#include "store/replay.h"
#include "store/trash.h"

struct od_committer {
    const struct od_committer_events *events;
    void *owner;
    struct od_env *env;
    struct od_journal *journal; // NULL: there is an engine.
    struct od_engine *engine;
    int lock_fd;
    pthread_t thread;
    struct od_reports reports;

    pthread_mutex_t mutex; // For what follows, up to the next blank line.
    pthread_cond_t has_work;
    struct od_list waiting; // struct od_pending
    bool is_closing;
    bool reader_check_is_due;
    bool segment_is_over, tending_is_due;
    uint64_t kept_behind;
    struct od_committer_stats stats;

    struct od_applier applier; // The thread's own, like the rest.
    unsigned apply_failures;   // In a row.
    bool sweep_is_due;
    struct od_failed_sources failed;
    uint64_t groups_since_check;
    bool has_told_lost;
    struct od_error lost_why; // In place of what the code says; "": nothing.
};

// --- The thread ----------------------------------------------------------------------------------

static bool is_closing(struct od_committer *committer)
{
    pthread_mutex_lock(&committer->mutex);
    bool closing = committer->is_closing;
    pthread_mutex_unlock(&committer->mutex);
    return closing;
}

// Until there is work, or the applier is due.
static void wait(struct od_committer *committer)
{
    if (od_applier_is_empty(&committer->applier)) {
        pthread_cond_wait(&committer->has_work, &committer->mutex);
        return;
    }
    od_thread_wait_us(&committer->has_work, &committer->mutex,
                      committer->applier.due_us - od_clock_passed_us());
}

// False when there is nothing left and never will be.
static bool wait_for_work(struct od_committer *committer)
{
    pthread_mutex_lock(&committer->mutex);
    while (od_list_is_empty(&committer->waiting) && !committer->is_closing &&
           !committer->sweep_is_due && !committer->reader_check_is_due &&
           !committer->tending_is_due && !od_applier_is_due(&committer->applier))
        wait(committer);
    bool has_work = !od_list_is_empty(&committer->waiting) || !committer->is_closing;
    pthread_mutex_unlock(&committer->mutex);
    return has_work;
}

static size_t take_group(struct od_committer *committer, struct od_group *group)
{
    OD_ASSERT(od_list_is_empty(&group->pending));
    size_t bytes = 0;
    pthread_mutex_lock(&committer->mutex);
    while (!od_list_is_empty(&committer->waiting)) {
        struct od_pending *next = OD_LIST_MEMBER(committer->waiting.next, struct od_pending, link);
        if ((bytes > 0 && bytes + next->size > OD_STORE_GROUP_BYTES) ||
            (od_pending_is_order(next) && !od_list_is_empty(&group->pending)))
            break;
        bytes += next->size;
        od_list_remove(&next->link);
        od_list_push_back(&group->pending, &next->link);
        if (od_pending_is_order(next))
            break;
    }
    pthread_mutex_unlock(&committer->mutex);
    return bytes;
}

static void count_group(struct od_committer *committer, const struct od_group *group, size_t bytes)
{
    pthread_mutex_lock(&committer->mutex);
    committer->stats.groups += group->written > 0;
    committer->stats.failed_groups += group->code != 0;
    committer->stats.submissions += group->written;
    committer->stats.discarded += group->discarded;
    committer->stats.waiting_bytes -= bytes;
    pthread_mutex_unlock(&committer->mutex);
}

static void note_applied(struct od_committer *committer)
{
    if (committer->journal != NULL)
        od_journal_applied(committer->journal, committer->applier.mark.moment.sequence);
    committer->apply_failures = 0;
    if (!committer->applier.deleted_all)
        return;
    committer->applier.deleted_all = false;
    committer->sweep_is_due = true;
    pthread_mutex_lock(&committer->mutex);
    committer->stats.has_trash = true;
    pthread_mutex_unlock(&committer->mutex);
}

// A disk that is full may have room again; anything else is tried a few times.
static void note_not_applied(struct od_committer *committer, int code)
{
    bool is_full = code == ENOSPC || code == EDQUOT || code == MDB_MAP_FULL;
    od_env_reopen(committer->env);
    if (++committer->apply_failures >= OD_STORE_APPLY_TRIES_MAX && !is_full &&
        committer->env->lost == 0)
        committer->env->lost = code;
    if (committer->apply_failures != OD_STORE_APPLY_TRIES_MAX || committer->env->lost != 0)
        return;
    od_reports_begin_group(&committer->reports);
    od_reports_stalled(&committer->reports, od_env_reason(code));
    od_reports_end_group(&committer->reports);
}

static bool apply(struct od_committer *committer)
{
    int code = od_applier_run(&committer->applier, &committer->reports);
    if (code == 0)
        note_applied(committer);
    else
        note_not_applied(committer, code);
    return code == 0;
}

static bool has_given_up(struct od_committer *committer)
{
    return committer->env->lost != 0 ||
           (is_closing(committer) && committer->apply_failures >= OD_STORE_APPLY_TRIES_MAX);
}

// What cannot be applied at all is left to the next start.
static void apply_all(struct od_committer *committer)
{
    while (!od_applier_is_empty(&committer->applier) && !apply(committer)) {
        if (has_given_up(committer))
            od_applier_abandon(&committer->applier, &committer->reports);
        else
            usleep(OD_STORE_APPLY_RETRY_MS * 1000);
    }
}

// A spec holds it while several submissions for one group arrive. What is durable goes its way.
static void hold(struct od_committer *committer)
{
    while (OD_FAULT("commit.hold") && !is_closing(committer)) {
        usleep(1000);
        if (od_applier_is_due(&committer->applier))
            apply_all(committer);
    }
}

static void commit_group(struct od_committer *committer, struct od_group *group, size_t bytes)
{
    od_group_commit(group, committer->journal, &committer->applier, &committer->reports);
    if (group->code == OD_ENV_BASE_DAMAGED || group->code == OD_ENV_FENCED)
        committer->env->lost = group->code;
    if (group->code == OD_ENV_FENCED)
        committer->lost_why = group->engine_err;
    if (committer->env->lost == 0 && committer->journal != NULL)
        committer->env->lost = od_journal_broken(committer->journal);
    if (od_group_has_failed(group))
        apply_all(committer);
    od_group_tell(group, &committer->reports);
    count_group(committer, group, bytes);
    committer->groups_since_check++;
}

// A sweep that fails (a full disk) is tried again when there is new trash, or after a restart.
static void sweep(struct od_committer *committer)
{
    OD_ASSERT(committer->sweep_is_due);
    uint64_t swept = 0;
    bool is_empty = false;
    int code = od_env_check_files(committer->env);
    if (code == 0)
        code = od_trash_sweep_once(committer->env, &swept, &is_empty);
    if (code != 0 && !od_env_is_damage(code)) // Damage stops nobody but the sweep.
        od_env_reopen(committer->env);
    committer->sweep_is_due = code == 0 && !is_empty;
    pthread_mutex_lock(&committer->mutex);
    committer->stats.swept += code == 0 ? swept : 0;
    committer->stats.has_trash = !is_empty;
    pthread_mutex_unlock(&committer->mutex);
}

// A process that died keeps its place among LMDB's readers, and with it every page it could see.
static void check_readers(struct od_committer *committer)
{
    pthread_mutex_lock(&committer->mutex);
    bool is_due = committer->reader_check_is_due ||
                  committer->groups_since_check >= OD_STORE_GROUPS_PER_READER_CHECK;
    committer->reader_check_is_due = false;
    pthread_mutex_unlock(&committer->mutex);
    if (!is_due)
        return;
    committer->groups_since_check = 0;
    if (od_env_check_files(committer->env) != 0) // Also while nobody writes, when a worker ended.
        return;
    mdb_reader_check(committer->env->lmdb, NULL);
}

// A segment that cannot be begun is tried again by the group that needs it.
static void tend_journal(struct od_committer *committer)
{
    pthread_mutex_lock(&committer->mutex);
    bool is_over = committer->segment_is_over;
    uint64_t kept_behind = committer->kept_behind;
    committer->segment_is_over = committer->tending_is_due = false;
    pthread_mutex_unlock(&committer->mutex);
    if (committer->journal == NULL)
        return;
    od_journal_keep(committer->journal, kept_behind);
    if (is_over)
        (void)!od_journal_close_segment(committer->journal);
}

static void tell_when_lost(struct od_committer *committer)
{
    if (committer->env->lost == 0 || committer->has_told_lost)
        return;
    committer->has_told_lost = true;
    od_reports_begin_group(&committer->reports);
    const char *why = committer->lost_why.text[0] != '\0' ? committer->lost_why.text
                                                          : od_env_reason(committer->env->lost);
    od_reports_lost(&committer->reports, why, od_env_advice(committer->env->lost));
    od_reports_end_group(&committer->reports);
}

// Slots come or go, or what they store comes, behind all that was written before.
static void place(struct od_committer *committer, const struct od_pending *order, size_t bytes)
{
    struct od_error err = {.text = ""};
    apply_all(committer);
    struct od_intake intake = {committer->env, committer->engine, order, &committer->reports};
    int code = od_intake_perform(&intake, &committer->sweep_is_due, &err);
    if (code != 0 && committer->env->lost == 0)
        committer->env->lost = code;
    committer->lost_why = err;
    pthread_mutex_lock(&committer->mutex);
    committer->stats.waiting_bytes -= bytes;
    pthread_mutex_unlock(&committer->mutex);
}

static void work(struct od_committer *committer)
{
    struct od_group group;
    od_group_init(&group, &committer->failed, committer->engine);
    size_t bytes = take_group(committer, &group);
    if (!od_list_is_empty(&group.pending) && od_pending_is_order(od_pending_of(group.pending.next)))
        place(committer, od_pending_of(group.pending.next), bytes);
    else if (!od_list_is_empty(&group.pending))
        commit_group(committer, &group, bytes);
    else if (committer->sweep_is_due)
        sweep(committer);
    od_group_deinit(&group);
    if (od_applier_is_due(&committer->applier))
        apply_all(committer);
    tell_when_lost(committer);
}

static void *run(void *argument)
{
    struct od_committer *committer = argument;
    while (wait_for_work(committer)) {
        hold(committer);
        check_readers(committer);
        tend_journal(committer);
        work(committer);
    }
    if (!OD_FAULT("apply.hold")) // A spec that closes it so sees what a crash would leave.
        apply_all(committer);    // What cannot be applied is done by the next start.
    tend_journal(committer);
    return NULL;
}

static bool start_thread(struct od_committer *committer, struct od_error *err)
{
    errno = od_thread_start(&committer->thread, run, committer);
    return errno == 0 || od_error_errno(err, "cannot start the committer's thread");
}

// --- The loop's side -----------------------------------------------------------------------------

static void on_wake(uv_poll_t *wake, int status, int events)
{
    (void)status, (void)events;
    struct od_committer *committer = wake->data;
    od_reports_deliver(&committer->reports, committer->events, committer->owner);
}

static bool open_journal(struct od_committer *committer, const char *directory,
                         struct od_error *err)
{
    struct od_applier *applier = &committer->applier;
    od_applier_init(applier, committer->env);
    int code = od_journal_mark_load(&applier->mark, committer->env);
    if (code != 0)
        return od_error_set(err, "cannot read %s/data.mdb: %s%s", directory, od_env_reason(code),
                            od_env_advice(code));
    applier->moment = applier->mark.moment;
    od_env_set_synced(committer->env, committer->engine == NULL);
    if (committer->engine != NULL)
        return true;
    bool is_open = od_journal_open(&committer->journal, directory, &applier->mark, od_replay_take,
                                   applier, err) &&
                   od_replay_end(applier, err);
    if (!is_open) {
        od_applier_deinit(applier);
        od_journal_close(committer->journal);
    }
    return is_open;
}

static enum od_committer_opening open_files(struct od_committer *committer, const char *directory,
                                            int lock_fd, struct od_error *err)
{
    bool is_held = false;
    committer->lock_fd = lock_fd;
    if (lock_fd < 0 && (!od_env_make_directory(directory, err) ||
                        !od_lock_open(&committer->lock_fd, directory, &is_held, err)))
        return is_held ? OD_COMMITTER_IN_USE : OD_COMMITTER_FAILED;
    if (od_env_open(&committer->env, directory, true, err)) {
        if (open_journal(committer, directory, err))
            return OD_COMMITTER_OPEN;
        od_env_close(committer->env);
    }
    od_lock_close(committer->lock_fd);
    return OD_COMMITTER_FAILED;
}

static void close_files(struct od_committer *committer)
{
    od_applier_deinit(&committer->applier);
    od_journal_close(committer->journal);
    od_env_close(committer->env);
    od_lock_close(committer->lock_fd);
}

static void on_closed(uv_handle_t *handle)
{
    struct od_committer *committer = handle->data;
    od_reports_deinit(&committer->reports);
    od_failed_sources_deinit(&committer->failed);
    pthread_cond_destroy(&committer->has_work);
    pthread_mutex_destroy(&committer->mutex);
    free(committer);
}

int od_committer_duplicate_lock(const struct od_committer *committer)
{
    return fcntl(committer->lock_fd, F_DUPFD_CLOEXEC, 0);
}

enum od_committer_opening od_committer_open(struct od_committer **result, struct uv_loop_s *loop,
                                            const char *directory, int lock_fd,
                                            struct od_engine *engine,
                                            const struct od_committer_events *events, void *owner,
                                            struct od_error *err)
{
    *result = NULL;
    struct od_committer *committer = od_allocate_zeroed(sizeof *committer);
    committer->events = events;
    committer->owner = owner;
    committer->engine = engine;
    committer->sweep_is_due = true; // A sweep finds out whether the last life left trash.
    committer->stats.has_trash = true;
    committer->kept_behind = OD_JOURNAL_KEEPS_NONE;
    enum od_committer_opening opening = open_files(committer, directory, lock_fd, err);
    if (opening != OD_COMMITTER_OPEN) {
        free(committer);
        return opening;
    }
    od_list_init(&committer->waiting);
    pthread_mutex_init(&committer->mutex, NULL);
    od_thread_condition_init(&committer->has_work);
    bool can_report = od_reports_init(&committer->reports, loop, on_wake, committer) ||
                      od_error_errno(err, "cannot wake the committer's owner");
    if (can_report && start_thread(committer, err)) {
        *result = committer;
        return OD_COMMITTER_OPEN;
    }
    close_files(committer);
    if (can_report)
        uv_close((uv_handle_t *)&committer->reports.wake, on_closed);
    else
        free(committer);
    return OD_COMMITTER_FAILED;
}

void od_committer_close(struct od_committer *committer)
{
    if (committer == NULL)
        return;
    pthread_mutex_lock(&committer->mutex);
    committer->is_closing = true;
    pthread_cond_signal(&committer->has_work);
    pthread_mutex_unlock(&committer->mutex);
    pthread_join(committer->thread, NULL);
    od_reports_deliver(&committer->reports, committer->events, committer->owner);
    close_files(committer);
    uv_close((uv_handle_t *)&committer->reports.wake, on_closed);
}

void od_committer_files(const struct od_committer *committer, struct od_store_files *files)
{
    *files = committer->env->files;
}

static void enqueue(struct od_committer *committer, struct od_pending *pending)
{
    pthread_mutex_lock(&committer->mutex);
    OD_ASSERT(!committer->is_closing);
    od_list_init(&pending->link);
    od_list_push_back(&committer->waiting, &pending->link);
    committer->stats.waiting_bytes += pending->size;
    pthread_mutex_unlock(&committer->mutex);
    pthread_cond_signal(&committer->has_work); // Behind it: whom this wakes needs the mutex.
}

void od_committer_submit(struct od_committer *committer, uint32_t source, uint32_t generation,
                         od_seq seq, od_slice batches)
{
    OD_ASSERT(source != 0);
    struct od_pending *pending = od_allocate(sizeof *pending + batches.size);
    *pending = (struct od_pending){.source = source,
                                   .generation = generation,
                                   .seq = seq,
                                   .fate = OD_FATE_WRITTEN,
                                   .size = batches.size};
    if (batches.size > 0)
        memcpy(pending->batches, batches.at, batches.size);
    enqueue(committer, pending);
}

void od_committer_forget(struct od_committer *committer, uint32_t source)
{
    OD_ASSERT(source != 0);
    struct od_pending *pending = od_allocate_zeroed(sizeof *pending);
    pending->source = source;
    pending->fate = OD_FATE_FORGET;
    pthread_mutex_lock(&committer->mutex);
    committer->reader_check_is_due = true;
    pthread_mutex_unlock(&committer->mutex);
    enqueue(committer, pending);
}

void od_committer_order(struct od_committer *committer, enum od_order order, od_slice what)
{
    static const enum od_fate fates[] = {OD_FATE_TAKE, OD_FATE_GIVE, OD_FATE_LOAD, OD_FATE_FILL,
                                         OD_FATE_FILL_ALARMS};
    OD_ASSERT(committer->engine != NULL);
    OD_ASSERT(what.size > 0);
    struct od_pending *pending = od_allocate(sizeof *pending + what.size);
    *pending = (struct od_pending){.fate = fates[order], .size = what.size};
    memcpy(pending->batches, what.at, what.size);
    enqueue(committer, pending);
}

struct od_journal_moment od_committer_moment(struct od_committer *committer)
{
    return od_reports_moment(&committer->reports);
}

void od_committer_keep(struct od_committer *committer, uint64_t sequence)
{
    pthread_mutex_lock(&committer->mutex);
    committer->tending_is_due = committer->tending_is_due || sequence != committer->kept_behind;
    committer->kept_behind = sequence;
    pthread_cond_signal(&committer->has_work);
    pthread_mutex_unlock(&committer->mutex);
}

void od_committer_close_segment(struct od_committer *committer)
{
    pthread_mutex_lock(&committer->mutex);
    committer->segment_is_over = committer->tending_is_due = true;
    pthread_cond_signal(&committer->has_work);
    pthread_mutex_unlock(&committer->mutex);
}

void od_committer_stats(struct od_committer *committer, struct od_committer_stats *stats)
{
    pthread_mutex_lock(&committer->mutex);
    *stats = committer->stats;
    pthread_mutex_unlock(&committer->mutex);
}

bool od_committer_is_fenced(const struct od_committer *committer)
{
    return committer->env->lost == OD_ENV_FENCED;
}
