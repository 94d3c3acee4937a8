#include "store/follower.h"

#include <errno.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/thread.h"
#include "store/limits.h"
#include "store/trash.h"

// --- Applying ------------------------------------------------------------------------------------

static bool is_full(const struct od_follower *follower, int code)
{
    return code == ENOSPC || code == EDQUOT || code == MDB_MAP_FULL ||
           (code == EIO && follower->env->lost == 0 &&
            od_room_is_lacking(follower->env, &follower->given));
}

// A disk that is full may have room again; anything else is tried a few times, however long it was
// full before.
static void note_not_applied(struct od_follower *follower, int code)
{
    od_env_reopen(follower->env);
    follower->failures++;
    follower->mishaps = is_full(follower, code) ? 0 : follower->mishaps + 1;
    if (follower->mishaps >= OD_STORE_APPLY_TRIES_MAX)
        od_env_lose(follower->env, code);
    if (follower->failures != OD_STORE_APPLY_TRIES_MAX || follower->env->lost != 0)
        return;
    od_reports_begin_group(follower->reports);
    od_reports_stalled(follower->reports, od_env_reason(code));
    od_reports_end_group(follower->reports);
}

static bool apply(struct od_follower *follower, struct od_gathering *gathering)
{
    int code = od_applier_run(&follower->applier, gathering, follower->reports);
    if (code == 0)
        follower->failures = follower->mishaps = 0;
    else
        note_not_applied(follower, code);
    return code == 0;
}

static bool is_hurried(struct od_follower *follower)
{
    pthread_mutex_lock(&follower->mutex);
    bool hurried = follower->is_hurried;
    pthread_mutex_unlock(&follower->mutex);
    return hurried;
}

static bool has_given_up(struct od_follower *follower)
{
    return follower->env->lost != 0 ||
           (follower->failures >= OD_STORE_APPLY_TRIES_MAX && is_hurried(follower));
}

static void rest(struct od_follower *follower)
{
    pthread_mutex_lock(&follower->mutex);
    od_thread_wait_us(&follower->changed, &follower->mutex, OD_STORE_APPLY_RETRY_US);
    pthread_mutex_unlock(&follower->mutex);
}

static void apply_until_empty(struct od_follower *follower, struct od_gathering *gathering)
{
    while (!od_gathering_is_empty(gathering) && !apply(follower, gathering)) {
        if (has_given_up(follower))
            od_applier_abandon(&follower->applier, gathering, follower->reports);
        else
            rest(follower);
    }
}

// --- What else there is to do --------------------------------------------------------------------

// Also while nobody writes, when a worker ended.
static void look_for_readers(struct od_follower *follower)
{
    if (od_env_check_files(follower->env) == 0)
        mdb_reader_check(follower->env->lmdb, NULL);
}

static void sweep(struct od_follower *follower, struct od_follower_outcome *outcome)
{
    uint64_t swept = 0;
    bool is_empty = false;
    int code = od_env_check_files(follower->env);
    if (code == 0 && OD_FAULT("sweep.full"))
        code = ENOSPC;
    if (code == 0)
        code = od_trash_sweep_once(follower->env, &swept, &is_empty);
    if (code != 0 && !od_env_is_damage(code)) // Damage stops nobody but the sweep.
        od_env_reopen(follower->env);
    outcome->has_swept = code == 0;
    outcome->swept = code == 0 ? swept : 0;
    outcome->trash_is_left = !is_empty;
}

// A spec holds it as a slow disk would.
static void hold(struct od_follower *follower)
{
    while (OD_FAULT("follow.hold") && !is_hurried(follower))
        usleep(1000);
}

static struct od_follower_outcome perform(struct od_follower *follower,
                                          const struct od_follower_task *task)
{
    struct od_follower_outcome outcome = {0};
    hold(follower);
    if (task->looks_for_readers)
        look_for_readers(follower);
    if (task->gathering != NULL)
        apply_until_empty(follower, task->gathering);
    if (task->sweeps)
        sweep(follower, &outcome);
    outcome.applied = follower->applier.mark.moment.sequence;
    outcome.makes_trash = follower->applier.deleted_all;
    follower->applier.deleted_all = false;
    return outcome;
}

// --- The thread ----------------------------------------------------------------------------------

static bool wait_for_task(struct od_follower *follower, struct od_follower_task *task)
{
    pthread_mutex_lock(&follower->mutex);
    while (!follower->has_task && !follower->is_over)
        pthread_cond_wait(&follower->changed, &follower->mutex);
    bool has_task = follower->has_task;
    *task = follower->task;
    pthread_mutex_unlock(&follower->mutex);
    return has_task;
}

static void become_idle(struct od_follower *follower, const struct od_follower_outcome *outcome)
{
    pthread_mutex_lock(&follower->mutex);
    follower->outcome = *outcome;
    follower->has_task = false;
    pthread_cond_broadcast(&follower->changed);
    pthread_mutex_unlock(&follower->mutex);
    follower->on_idle(follower->owner);
}

static void *run(void *argument)
{
    struct od_follower *follower = argument;
    struct od_follower_task task;
    while (wait_for_task(follower, &task)) {
        struct od_follower_outcome outcome = perform(follower, &task);
        become_idle(follower, &outcome);
    }
    return NULL;
}

// --- Beginning and end ---------------------------------------------------------------------------

int od_follower_open(struct od_follower *follower, const struct od_applier *applier,
                     const struct od_journal_moment *moment, struct od_reports *reports,
                     void (*on_idle)(void *owner), void *owner)
{
    OD_ASSERT(applier->env->is_writer);
    *follower = (struct od_follower){.env = applier->env,
                                     .reports = reports,
                                     .on_idle = on_idle,
                                     .owner = owner,
                                     .applier = *applier,
                                     .applied = moment->sequence,
                                     .sweep_is_due = true, // The last life may have left trash.
                                     .has_trash = true};
    follower->gathering = &follower->gatherings[0];
    for (size_t i = 0; i < 2; i++)
        od_gathering_init(&follower->gatherings[i]);
    follower->gathering->moment = *moment;
    pthread_mutex_init(&follower->mutex, NULL);
    od_thread_condition_init(&follower->changed);
    int code = od_thread_start(&follower->thread, run, follower);
    if (code == 0)
        return 0;
    pthread_cond_destroy(&follower->changed);
    pthread_mutex_destroy(&follower->mutex);
    return code;
}

void od_follower_close(struct od_follower *follower)
{
    pthread_mutex_lock(&follower->mutex);
    OD_ASSERT(!follower->has_task);
    follower->is_over = true;
    pthread_cond_broadcast(&follower->changed);
    pthread_mutex_unlock(&follower->mutex);
    pthread_join(follower->thread, NULL);
    pthread_cond_destroy(&follower->changed);
    pthread_mutex_destroy(&follower->mutex);
    for (size_t i = 0; i < 2; i++)
        od_gathering_deinit(&follower->gatherings[i]);
}

void od_follower_hurry(struct od_follower *follower)
{
    pthread_mutex_lock(&follower->mutex);
    OD_ASSERT(!follower->is_over);
    follower->is_hurried = true;
    pthread_cond_broadcast(&follower->changed);
    pthread_mutex_unlock(&follower->mutex);
}

// --- Tasks ---------------------------------------------------------------------------------------

bool od_follower_is_idle(struct od_follower *follower)
{
    pthread_mutex_lock(&follower->mutex);
    bool idle = !follower->has_task;
    pthread_mutex_unlock(&follower->mutex);
    return idle;
}

static bool gathering_is_due(const struct od_follower *follower)
{
    return od_gathering_is_due(follower->gathering, follower->applier.writes_max);
}

bool od_follower_is_due(struct od_follower *follower)
{
    return od_follower_is_idle(follower) &&
           (follower->has_given || follower->sweep_is_due || gathering_is_due(follower));
}

struct od_unapplied od_follower_unapplied(const struct od_follower *follower)
{
    const struct od_gathering *gathering = follower->gathering;
    const struct od_unapplied *given = &follower->given;
    return (struct od_unapplied){.bytes = given->bytes + gathering->bytes,
                                 .count = given->count + gathering->count,
                                 .operations = given->operations + gathering->newest.uses.size,
                                 .value_bytes = gathering->value_bytes > given->value_bytes
                                                    ? gathering->value_bytes
                                                    : given->value_bytes};
}

static void look_at_outcome(struct od_follower *follower)
{
    const struct od_follower_outcome *outcome = &follower->outcome;
    if (!follower->has_given)
        return;
    follower->has_given = false;
    follower->given = (struct od_unapplied){0};
    follower->applied = outcome->applied;
    follower->swept += outcome->swept;
    follower->sweep_is_due = follower->sweep_is_due || outcome->makes_trash ||
                             (outcome->has_swept && outcome->trash_is_left);
    follower->has_trash = follower->sweep_is_due || outcome->trash_is_left;
}

static void give(struct od_follower *follower, const struct od_follower_task *task)
{
    OD_ASSERT(!follower->has_given);
    follower->has_given = true;
    pthread_mutex_lock(&follower->mutex);
    OD_ASSERT(!follower->has_task);
    follower->task = *task;
    follower->has_task = true;
    pthread_cond_broadcast(&follower->changed);
    pthread_mutex_unlock(&follower->mutex);
}

// What has gathered; the next gathers beside it.
static struct od_gathering *take_gathering(struct od_follower *follower)
{
    struct od_gathering *taken = follower->gathering;
    follower->given = od_follower_unapplied(follower);
    follower->gathering = &follower->gatherings[taken == &follower->gatherings[0]];
    OD_ASSERT(od_gathering_is_empty(follower->gathering));
    follower->gathering->moment = taken->moment;
    return taken;
}

void od_follower_go_on(struct od_follower *follower, bool looks_for_readers, bool may_sweep)
{
    struct od_follower_task task = {.looks_for_readers = looks_for_readers};
    OD_ASSERT(od_follower_is_idle(follower));
    look_at_outcome(follower);
    if (gathering_is_due(follower))
        task.gathering = take_gathering(follower);
    task.sweeps = may_sweep && follower->sweep_is_due && task.gathering == NULL;
    follower->sweep_is_due = follower->sweep_is_due && !task.sweeps;
    if (task.gathering != NULL || task.looks_for_readers || task.sweeps)
        give(follower, &task);
}

void od_follower_wait(struct od_follower *follower)
{
    pthread_mutex_lock(&follower->mutex);
    while (follower->has_task)
        pthread_cond_wait(&follower->changed, &follower->mutex);
    pthread_mutex_unlock(&follower->mutex);
    look_at_outcome(follower);
    OD_ASSERT(!follower->has_given);
}

// The nearer the bound, the longer, so that what is written comes as fast as LMDB takes it, and
// does not stop for a whole transaction.
static int64_t delay_us(const struct od_follower *follower)
{
    const size_t free = OD_STORE_UNAPPLIED_BYTES / 2;
    size_t bytes = od_follower_unapplied(follower).bytes;
    size_t excess = bytes > free ? bytes - free : 0;
    return excess >= free ? INT64_MAX
                          : (int64_t)excess * OD_STORE_APPLY_DELAY_US_MAX / (int64_t)free;
}

static void wait_at_most(struct od_follower *follower, int64_t us)
{
    pthread_mutex_lock(&follower->mutex);
    if (follower->has_task)
        od_thread_wait_us(&follower->changed, &follower->mutex, us);
    pthread_mutex_unlock(&follower->mutex);
}

void od_follower_keep_up(struct od_follower *follower)
{
    OD_ASSERT(!follower->is_over);
    int64_t us = delay_us(follower);
    if (us > 0 && us < INT64_MAX)
        wait_at_most(follower, us);
    while (follower->has_given && delay_us(follower) == INT64_MAX) {
        od_follower_wait(follower);
        od_follower_go_on(follower, false, false);
    }
}

void od_follower_finish(struct od_follower *follower)
{
    od_follower_wait(follower);
    if (!od_gathering_is_empty(follower->gathering)) {
        const struct od_follower_task task = {.gathering = take_gathering(follower)};
        give(follower, &task);
        od_follower_wait(follower);
    }
    OD_ASSERT(od_gathering_is_empty(follower->gathering));
}
