#include "store/committer.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/thread.h"
#include "store/env_file.h"
#include "store/follower.h"
#include "store/group.h"
#include "store/intake.h"
#include "store/journal.h"
#include "store/limits.h"
#include "store/lock.h"
#include "store/replay.h"

struct od_committer {
    const struct od_committer_events *events;
    void *owner;
    struct od_env *env;
    struct od_journal *journal; // NULL: there is an engine.
    struct od_engine *engine;
    int lock_fd;
    pthread_t thread;
    struct od_reports reports;
    struct od_follower follower;

    pthread_mutex_t mutex; // For what follows, up to the next blank line.
    pthread_cond_t has_work;
    struct od_list waiting; // struct od_pending
    bool is_closing;
    bool reader_check_is_due;
    bool segment_is_over, tending_is_due;
    uint64_t kept_behind;
    struct od_committer_stats stats;

    struct od_rehearsal rehearsal; // The thread's own, like the rest.
    struct od_failed_sources failed;
    size_t group_bytes; // Of the last group.
    uint64_t groups_since_check;
    bool has_told_lost;
    struct od_error lost_why; // In place of what the code says; "": nothing.
};

// --- Waiting -------------------------------------------------------------------------------------

static bool is_closing(struct od_committer *committer)
{
    pthread_mutex_lock(&committer->mutex);
    bool closing = committer->is_closing;
    pthread_mutex_unlock(&committer->mutex);
    return closing;
}

static bool must_tell_lost(const struct od_committer *committer)
{
    return committer->env->lost != 0 && !committer->has_told_lost;
}

static bool follower_is_due(struct od_committer *committer)
{
    return od_follower_is_due(&committer->follower) ||
           (committer->reader_check_is_due && od_follower_is_idle(&committer->follower));
}

// Until there is work, or what has gathered is due. The follower wakes us when it is idle.
static void wait(struct od_committer *committer)
{
    const struct od_gathering *gathering = committer->follower.gathering;
    if (od_gathering_is_empty(gathering) || !od_follower_is_idle(&committer->follower))
        pthread_cond_wait(&committer->has_work, &committer->mutex);
    else
        od_thread_wait_us(&committer->has_work, &committer->mutex,
                          gathering->due_us - od_clock_passed_us());
}

// False when there is nothing left and never will be. While less waits than the last group had, who
// was in that has just been answered and writes again. Where all share a core he goes first and
// comes along: one write to the disk, not a large and a small one in turns. Nobody else there, and
// this goes on at once.
static bool wait_for_work(struct od_committer *committer)
{
    pthread_mutex_lock(&committer->mutex);
    while (od_list_is_empty(&committer->waiting) && !committer->is_closing &&
           !committer->tending_is_due && !follower_is_due(committer) && !must_tell_lost(committer))
        wait(committer);
    bool has_work = !od_list_is_empty(&committer->waiting) || !committer->is_closing;
    bool is_less = committer->stats.waiting_bytes < committer->group_bytes;
    pthread_mutex_unlock(&committer->mutex);
    if (is_less)
        sched_yield();
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
    return committer->group_bytes = bytes;
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

// --- What follows --------------------------------------------------------------------------------

static bool take_reader_check(struct od_committer *committer)
{
    pthread_mutex_lock(&committer->mutex);
    bool is_due = committer->reader_check_is_due ||
                  committer->groups_since_check >= OD_STORE_GROUPS_PER_READER_CHECK;
    committer->reader_check_is_due = false;
    pthread_mutex_unlock(&committer->mutex);
    if (is_due)
        committer->groups_since_check = 0;
    return is_due;
}

static void note_progress(struct od_committer *committer)
{
    const struct od_follower *follower = &committer->follower;
    if (committer->journal != NULL)
        od_journal_applied(committer->journal, follower->applied);
    pthread_mutex_lock(&committer->mutex);
    committer->stats.swept = follower->swept;
    committer->stats.has_trash = follower->has_trash;
    pthread_mutex_unlock(&committer->mutex);
}

// It sweeps while nothing waits. What cannot be swept is tried again when there is new trash, or
// after a restart.
static void let_follow(struct od_committer *committer)
{
    if (!od_follower_is_idle(&committer->follower))
        return;
    pthread_mutex_lock(&committer->mutex);
    bool may_sweep = od_list_is_empty(&committer->waiting);
    pthread_mutex_unlock(&committer->mutex);
    od_follower_go_on(&committer->follower, take_reader_check(committer), may_sweep);
    note_progress(committer);
}

static void on_follower_idle(void *owner)
{
    struct od_committer *committer = owner;
    pthread_mutex_lock(&committer->mutex);
    pthread_cond_signal(&committer->has_work);
    pthread_mutex_unlock(&committer->mutex);
}

// --- The thread ----------------------------------------------------------------------------------

// A spec holds it while several submissions for one group arrive. What is durable goes its way.
static void hold(struct od_committer *committer)
{
    while (OD_FAULT("commit.hold") && !is_closing(committer)) {
        usleep(1000);
        let_follow(committer);
    }
}

static void commit_group(struct od_committer *committer, struct od_group *group)
{
    od_follower_keep_up(&committer->follower);
    const struct od_committing by = {.journal = committer->journal,
                                     .rehearsal = &committer->rehearsal,
                                     .gathering = committer->follower.gathering,
                                     .unapplied = od_follower_unapplied(&committer->follower)};
    od_group_commit(group, &by, &committer->reports);
    if (group->code == OD_ENV_FENCED)
        committer->lost_why = group->engine_err;
    if (group->code == OD_ENV_BASE_DAMAGED || group->code == OD_ENV_FENCED)
        od_env_lose(committer->env, group->code);
    if (committer->journal != NULL && od_journal_broken(committer->journal) != 0)
        od_env_lose(committer->env, od_journal_broken(committer->journal));
    if (od_group_has_failed(group))
        od_follower_finish(&committer->follower);
    od_group_tell(group, &committer->reports);
    committer->groups_since_check++;
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
    if (!must_tell_lost(committer))
        return;
    committer->has_told_lost = true;
    od_reports_begin_group(&committer->reports);
    const char *why = committer->lost_why.text[0] != '\0' ? committer->lost_why.text
                                                          : od_env_reason(committer->env->lost);
    od_reports_lost(&committer->reports, why, od_env_advice(committer->env, committer->env->lost));
    od_reports_end_group(&committer->reports);
}

// Slots come or go, or what they store comes, behind all that was written before.
static void place(struct od_committer *committer, const struct od_pending *order)
{
    struct od_error err = {.text = ""};
    od_follower_finish(&committer->follower);
    struct od_intake intake = {committer->env, committer->engine, order, &committer->reports};
    int code = od_intake_perform(&intake, &committer->follower.sweep_is_due, &err);
    committer->lost_why = err;
    if (code != 0)
        od_env_lose(committer->env, code);
}

static void work(struct od_committer *committer)
{
    struct od_group group;
    od_group_init(&group, &committer->failed, committer->engine);
    size_t bytes = take_group(committer, &group);
    if (!od_list_is_empty(&group.pending) && od_pending_is_order(od_pending_of(group.pending.next)))
        place(committer, od_pending_of(group.pending.next));
    else if (!od_list_is_empty(&group.pending))
        commit_group(committer, &group);
    count_group(committer, &group, bytes);
    od_group_deinit(&group);
    let_follow(committer);
    tell_when_lost(committer);
}

static void *run(void *argument)
{
    struct od_committer *committer = argument;
    while (wait_for_work(committer)) {
        hold(committer);
        tend_journal(committer);
        work(committer);
    }
    if (OD_FAULT("apply.hold")) // A spec that closes it so sees what a crash would leave.
        od_follower_wait(&committer->follower);
    else
        od_follower_finish(&committer->follower);
    note_progress(committer);
    tend_journal(committer);
    return NULL;
}

static bool start_threads(struct od_committer *committer, const struct od_replay *replay,
                          struct od_error *err)
{
    errno = od_follower_open(&committer->follower, &replay->applier, &replay->gathering.moment,
                             &committer->reports, on_follower_idle, committer);
    if (errno != 0)
        return od_error_errno(err, "cannot start the thread that writes data.mdb");
    errno = od_thread_start(&committer->thread, run, committer);
    if (errno == 0)
        return true;
    od_error_errno(err, "cannot start the committer's thread");
    od_follower_close(&committer->follower);
    return false;
}

// --- The loop's side -----------------------------------------------------------------------------

static void on_wake(uv_poll_t *wake, int status, int events)
{
    (void)status, (void)events;
    struct od_committer *committer = wake->data;
    od_reports_deliver(&committer->reports, committer->events, committer->owner);
}

static bool open_journal(struct od_committer *committer, const char *directory,
                         struct od_replay *replay, struct od_error *err)
{
    od_env_set_synced(committer->env, committer->engine == NULL);
    return committer->engine != NULL ||
           (od_journal_open(&committer->journal, directory, &replay->applier.mark, od_replay_take,
                            replay, err) &&
            od_replay_end(replay, err));
}

// [code] says whether the mark could be read.
static bool catch_up(struct od_committer *committer, const char *directory,
                     struct od_replay *replay, int code, struct od_error *err)
{
    if (code == 0)
        code = od_rehearsal_open(&committer->rehearsal, committer->env);
    if (code != 0)
        return od_error_set(err, "cannot read %s/data.mdb: %s%s", directory, od_env_reason(code),
                            od_env_advice(committer->env, code));
    if (open_journal(committer, directory, replay, err))
        return true;
    od_journal_close(committer->journal);
    od_rehearsal_close(&committer->rehearsal);
    return false;
}

static bool open_store(struct od_committer *committer, const char *directory,
                       struct od_replay *replay, struct od_error *err)
{
    if (!od_env_open(&committer->env, directory, true, err))
        return false;
    int code = od_replay_init(replay, committer->env);
    if (catch_up(committer, directory, replay, code, err))
        return true;
    od_replay_deinit(replay);
    od_env_close(committer->env);
    return false;
}

static enum od_committer_opening open_files(struct od_committer *committer, const char *directory,
                                            int lock_fd, struct od_replay *replay,
                                            struct od_error *err)
{
    bool is_held = false;
    committer->lock_fd = lock_fd;
    if (lock_fd < 0 && (!od_env_make_directory(directory, err) ||
                        !od_lock_open(&committer->lock_fd, directory, &is_held, err)))
        return is_held ? OD_COMMITTER_IN_USE : OD_COMMITTER_FAILED;
    if (open_store(committer, directory, replay, err))
        return OD_COMMITTER_OPEN;
    od_lock_close(committer->lock_fd);
    return OD_COMMITTER_FAILED;
}

static void close_files(struct od_committer *committer)
{
    od_rehearsal_close(&committer->rehearsal);
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
    committer->stats.has_trash = true; // A sweep finds out whether the last life left some.
    committer->kept_behind = OD_JOURNAL_KEEPS_NONE;
    struct od_replay replay;
    enum od_committer_opening opening = open_files(committer, directory, lock_fd, &replay, err);
    if (opening != OD_COMMITTER_OPEN) {
        free(committer);
        return opening;
    }
    od_list_init(&committer->waiting);
    pthread_mutex_init(&committer->mutex, NULL);
    od_thread_condition_init(&committer->has_work);
    bool can_report = od_reports_init(&committer->reports, loop, on_wake, committer) ||
                      od_error_errno(err, "cannot wake the committer's owner");
    bool is_started = can_report && start_threads(committer, &replay, err);
    od_replay_deinit(&replay);
    if (is_started) {
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
    od_follower_hurry(&committer->follower);
    pthread_join(committer->thread, NULL);
    od_follower_close(&committer->follower);
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
