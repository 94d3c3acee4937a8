#include "store/restore.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/moment.h"
#include "store/advice.h"
#include "store/backup.h"
#include "store/env.h"
#include "store/file_check.h"
#include "store/journal_mark.h"
#include "store/journal_read.h"
#include "store/mapped.h"
#include "store/names.h"
#include "store/replay.h"
#include "store/unfinished.h"

struct restoring {
    struct od_restore *restore;
    char folder[PATH_MAX];       // Where bases and segments are.
    bool has_data;               // It is a data directory's, whose data file is a base too.
    char base_path[PATH_MAX];    // "": that data file.
    struct od_base base;         // Of which then only the mark counts.
    struct od_journal_mark data; // That of the data file, if has_data.
};

static bool exists(const char *directory, const char *name)
{
    char path[PATH_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return stat(path, &status) == 0;
}

// --- Which base ----------------------------------------------------------------------------------

static bool is_too_late(const struct restoring *restoring, const struct od_journal_mark *mark)
{
    od_time_ms until_ms = restoring->restore->until_ms;
    uint64_t until_group = restoring->restore->until_group;
    bool is_known = mark->moment.time_ms != 0 || mark->moment.sequence == 0;
    if (until_group != 0 && mark->moment.sequence > until_group)
        return true;
    return until_ms != 0 && (!is_known || mark->moment.time_ms > until_ms);
}

static bool refuse_late(const struct restoring *restoring, od_time_ms oldest_ms,
                        struct od_error *err)
{
    char text[OD_MOMENT_BYTES];
    return od_error_set(err, "%s does not go back so far: it begins with %s",
                        restoring->restore->from, od_moment_text(oldest_ms, text));
}

static bool is_same(const struct od_journal_mark *a, const struct od_journal_mark *b)
{
    return memcmp(a->id, b->id, sizeof a->id) == 0;
}

// What is looked for while the names are read.
struct choosing {
    struct restoring *restoring;
    bool has_found;
    bool is_late;            // Some are there and too late;
    od_time_ms oldest_ms;    // the oldest of these.
    bool has_error;          // One could not be read.
    struct od_error *unread; // Why.
};

static bool consider(struct choosing *choosing, const struct od_base *base, const char *path,
                     struct od_error *err)
{
    struct restoring *restoring = choosing->restoring;
    if (is_too_late(restoring, &base->mark)) {
        od_time_ms ms = base->mark.moment.time_ms;
        if (!choosing->is_late || ms < choosing->oldest_ms)
            choosing->oldest_ms = ms;
        choosing->is_late = true;
        return true;
    }
    if (choosing->has_found && !is_same(&base->mark, &restoring->base.mark))
        return od_error_set(err,
                            "%s has bases of two data directories (%s, %s); keep each in a folder "
                            "of its own",
                            restoring->folder, path, restoring->base_path);
    if (choosing->has_found && base->mark.moment.sequence < restoring->base.mark.moment.sequence)
        return true;
    OD_ASSERT(!is_too_late(restoring, &base->mark));
    choosing->has_found = true;
    restoring->base = *base;
    snprintf(restoring->base_path, sizeof restoring->base_path, "%s", path);
    return true;
}

// One that cannot be read (half an upload) is passed over: there may be an older one.
static bool consider_name(struct choosing *choosing, const char *name, struct od_error *err)
{
    char path[2 * PATH_MAX];
    struct od_base base = {0};
    if (!od_names_is_base(name))
        return true;
    snprintf(path, sizeof path, "%s/%s", choosing->restoring->folder, name);
    if (od_base_look(&base, path, choosing->unread))
        return consider(choosing, &base, path, err);
    choosing->has_error = true;
    return true;
}

static bool consider_files(struct choosing *choosing, struct od_error *err)
{
    const char *folder = choosing->restoring->folder;
    DIR *names = opendir(folder);
    const char *name;
    bool ok = true;
    if (names == NULL)
        return od_error_errno(err, "cannot read %s", folder);
    while (ok && (name = od_names_next(names)) != NULL)
        ok = consider_name(choosing, name, err);
    if (ok && errno != 0)
        ok = od_error_errno(err, "cannot read %s", folder);
    closedir(names);
    return ok;
}

// What is done while one moment of a data file is seen.
struct looking {
    int (*call)(void *looking);
    struct od_env *env;
    struct od_env_reader reader;
    struct od_journal_mark *mark;
    struct od_error *err;
};

static int look_at_mark(void *argument)
{
    const struct looking *looking = argument;
    MDB_val stored, key = od_env_value(OD_SLICE("journal"));
    int code = mdb_get(looking->reader.txn, looking->env->meta, &key, &stored);
    if (code == 0 && !od_journal_mark_read(looking->mark, od_env_slice(stored)))
        code = MDB_CORRUPTED;
    return code;
}

// Returns LMDB's codes.
static int look(struct looking *looking)
{
    int code = od_env_reader_open(looking->env, &looking->reader);
    if (code != 0)
        return code;
    code = od_env_reader_begin(looking->env, &looking->reader);
    if (code == 0) {
        code = od_mapped_call(looking->call, looking);
        od_env_reader_end(looking->env, &looking->reader);
    }
    od_env_reader_close(looking->env, &looking->reader);
    return code;
}

static bool look_at_data(struct od_journal_mark *mark, const char *directory, struct od_error *err)
{
    struct looking looking = {.call = look_at_mark, .mark = mark};
    if (!od_env_open(&looking.env, directory, false, err))
        return false;
    int code = look(&looking);
    od_env_close(looking.env);
    if (code == MDB_NOTFOUND)
        return od_error_set(err,
                            "%s was written by an open-do that kept no journal; start this one "
                            "over it once",
                            directory);
    return code == 0 ||
           od_error_set(err, "cannot read %s/data.mdb: %s", directory, od_env_reason(code));
}

static int look_at_pages(void *argument)
{
    const struct looking *looking = argument;
    return od_file_check_all(looking->env->directory_path, looking->err) ? 0 : MDB_CORRUPTED;
}

// Every page of the data file, which others may write to.
static bool check_data(const char *directory, struct od_error *err)
{
    struct looking looking = {.call = look_at_pages, .err = err};
    if (!od_env_open(&looking.env, directory, false, err))
        return false;
    od_error_set(err, "cannot read %s/data.mdb", directory); // If nothing more is known.
    int code = look(&looking);
    od_env_close(looking.env);
    return code == 0;
}

static bool has_until(const struct restoring *restoring)
{
    return restoring->restore->until_ms != 0 || restoring->restore->until_group != 0;
}

// What is done instead is what the advice says.
static void pass_over_data(struct restoring *restoring, const struct od_error *err)
{
    const char *advice = od_advice_damaged(restoring->restore->from);
    struct od_error *why = &restoring->restore->passed_over;
    *why = *err;
    char *told = strstr(why->text, advice);
    if (told != NULL)
        *told = '\0';
}

// A data file goes on, so it is taken only where no base will do, or nothing is to
// be left out of it.
static bool consider_data(struct choosing *choosing, struct od_error *err)
{
    struct restoring *restoring = choosing->restoring;
    const struct od_restore *restore = restoring->restore;
    if (!restoring->has_data)
        return true;
    bool is_read = look_at_data(&restoring->data, restore->from, err);
    if (!is_read)
        restoring->data = (struct od_journal_mark){0};
    if (is_read && choosing->has_found && !is_same(&restoring->data, &restoring->base.mark))
        return od_error_set(err,
                            "%s belongs to another data directory than %s/data.mdb; move away what "
                            "is not its own",
                            restoring->base_path, restore->from);
    if (is_read && choosing->has_found && has_until(restoring))
        return true;
    bool is_sound = is_read;
    if (is_read && choosing->has_found && restore->to != NULL)
        is_sound = check_data(restore->from, err);
    if (!is_sound) {
        pass_over_data(restoring, err);
        return choosing->has_found; // A base and all that is behind it are as good.
    }
    const struct od_base base = {.mark = restoring->data};
    return consider(choosing, &base, "", err);
}

static bool choose_base(struct restoring *restoring, struct od_error *err)
{
    struct od_error unread;
    struct choosing choosing = {.restoring = restoring, .unread = &unread};
    if (!consider_files(&choosing, err) || !consider_data(&choosing, err))
        return false;
    if (choosing.has_found)
        return true;
    if (choosing.is_late)
        return refuse_late(restoring, choosing.oldest_ms, err);
    return choosing.has_error
               ? od_error_set(err, "%s", unread.text)
               : od_error_set(err, "%s is no backup, archive or data directory: it has no base",
                              restoring->restore->from);
}

// --- Making the data file ------------------------------------------------------------------------

static bool copy_data(struct restoring *restoring, const char *path, struct od_error *err)
{
    const struct od_restore *restore = restoring->restore;
    struct od_env *env;
    if (!od_env_open(&env, restore->from, false, err))
        return false;
    bool is_made = od_base_make(&restoring->base, path, env, restore->progress, err);
    od_env_close(env);
    if (!is_made)
        return false;
    if (is_too_late(restoring, &restoring->base.mark)) // It went on meanwhile.
        return od_error_set(err, "%s does not go back so far: it begins at %" PRId64, restore->from,
                            restoring->base.mark.moment.time_ms);
    return truncate(path, (off_t)restoring->base.bytes) == 0 ||
           od_error_errno(err, "cannot cut %s", path);
}

static bool make_data(struct restoring *restoring, const char *folder, struct od_error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    if (restoring->base_path[0] == '\0')
        return copy_data(restoring, path, err);
    return od_base_unpack(&restoring->base, restoring->base_path, path,
                          restoring->restore->progress, err);
}

// --- What comes behind it ------------------------------------------------------------------------

struct playing {
    struct od_restore *restore;
    struct od_replay *replay; // NULL: nothing is made.
    uint64_t bytes;
};

static bool on_group(void *context, const struct od_journal_moment *moment, od_slice submission,
                     struct od_error *err)
{
    struct playing *playing = context;
    struct od_progress *progress = playing->restore->progress;
    playing->bytes += submission.size;
    if (progress != NULL)
        progress->step(progress, "played", playing->bytes, 0);
    if (playing->replay != NULL)
        return od_replay_take(playing->replay, moment, submission, err);
    return od_submission_is_valid(submission) ||
           od_error_set(err, "group %" PRIu64 " of the journal is not one of ours",
                        moment->sequence);
}

// The last group that was there when somebody looked: who made a backup, or who applied it.
static bool look_what_is_known(const struct restoring *restoring, uint64_t *known,
                               struct od_error *err)
{
    struct od_backup backup;
    bool is_there;
    if (!od_backup_look(&backup, restoring->restore->from, &is_there, err))
        return false;
    *known = restoring->has_data ? restoring->data.moment.sequence : 0;
    if (is_there && backup.last.sequence > *known)
        *known = backup.last.sequence;
    return true;
}

// Which of both is wanted the person knows, who knows when the clock was right.
static bool refuse_twice(const struct od_restore *restore, uint64_t again, struct od_error *err)
{
    char at[OD_MOMENT_BYTES];
    OD_ASSERT(again > restore->last.sequence);
    return od_error_set(err,
                        "the clock was set back, and it was %s twice: say --at group-%" PRIu64
                        " for what was there the first time, --at group-%" PRIu64
                        " for the last time",
                        od_moment_text(restore->until_ms, at), restore->last.sequence, again);
}

static bool read_journal(const struct restoring *restoring, struct od_replay *replay,
                         struct od_error *err)
{
    struct od_restore *restore = restoring->restore;
    struct playing playing = {restore, replay, 0};
    OD_ASSERT(replay == NULL ||
              replay->applier.mark.moment.sequence == restoring->base.mark.moment.sequence);
    uint64_t again = 0;
    struct od_journal_visit visit = {.play = on_group,
                                     .context = &playing,
                                     .until_ms = restore->until_ms,
                                     .until_group = restore->until_group,
                                     .again = restore->until_ms == 0 ? NULL : &again,
                                     .is_closed = !restoring->has_data};
    if (!look_what_is_known(restoring, &visit.known, err) ||
        !od_journal_read(restoring->folder, &restoring->base.mark, &visit, &restore->last, err))
        return false;
    return again == 0 || refuse_twice(restore, again, err);
}

static bool is_base(const struct restoring *restoring, const struct od_journal_mark *mark)
{
    return is_same(mark, &restoring->base.mark) &&
           mark->moment.sequence == restoring->base.mark.moment.sequence;
}

static bool play(const struct restoring *restoring, struct od_replay *replay, int code,
                 struct od_error *err)
{
    struct od_journal_mark *mark = &replay->applier.mark;
    if (code != 0)
        return od_error_set(err, "cannot read what was restored: %s", od_env_reason(code));
    if (!is_base(restoring, mark))
        return od_error_set(err, "%s is not the base it says it is", restoring->base_path);
    if (!read_journal(restoring, replay, err) || !od_replay_end(replay, err))
        return false;
    code = od_journal_mark_renew(mark, replay->applier.env);
    return code == 0 ||
           od_error_set(err, "cannot write what was restored: %s", od_env_reason(code));
}

static bool play_into(const struct restoring *restoring, struct od_env *env, struct od_error *err)
{
    struct od_replay replay;
    bool is_played = play(restoring, &replay, od_replay_init(&replay, env), err);
    od_replay_deinit(&replay);
    return is_played;
}

static bool make(struct restoring *restoring, const char *folder, struct od_error *err)
{
    char lock[PATH_MAX];
    struct od_env *env;
    if (!make_data(restoring, folder, err) || !od_env_open(&env, folder, true, err))
        return false;
    bool is_made = play_into(restoring, env, err);
    od_env_close(env);
    snprintf(lock, sizeof lock, "%s/lock.mdb", folder);
    unlink(lock);
    return is_made;
}

static bool check(struct restoring *restoring, struct od_error *err)
{
    const struct od_restore *restore = restoring->restore;
    bool is_read = restoring->has_data && restore->passed_over.text[0] == '\0';
    if (is_read && !check_data(restore->from, err))
        return false;
    bool is_whole =
        restoring->base_path[0] == '\0' || od_base_unpack(&restoring->base, restoring->base_path,
                                                          NULL, restoring->restore->progress, err);
    return is_whole && read_journal(restoring, NULL, err);
}

// --- All of it -----------------------------------------------------------------------------------

static bool run(struct restoring *restoring, struct od_error *err)
{
    struct od_restore *restore = restoring->restore;
    struct od_unfinished unfinished;
    if (!choose_base(restoring, err))
        return false;
    if (restore->to == NULL)
        return check(restoring, err);
    if (!od_unfinished_begin(&unfinished, restore->to, err))
        return false;
    if (make(restoring, unfinished.folder, err))
        return od_unfinished_end(&unfinished, err);
    od_unfinished_abandon(&unfinished);
    return false;
}

bool od_restore_run(struct od_restore *restore, struct od_error *err)
{
    struct restoring restoring = {.restore = restore};
    const char *inner = exists(restore->from, "journal") ? "/journal" : "";
    snprintf(restoring.folder, sizeof restoring.folder, "%s%s", restore->from, inner);
    restoring.has_data = exists(restore->from, "data.mdb");
    OD_ASSERT(restore->from != NULL);
    OD_ASSERT(restore->until_ms == 0 || restore->until_group == 0);
    if (!od_unfinished_refuse(restore->from, err))
        return false;
    int hold_fd = od_journal_hold(restoring.folder);
    if (hold_fd < 0)
        return od_error_errno(err, "cannot read %s", restoring.folder);
    bool is_done = run(&restoring, err);
    restore->bytes = restoring.base.bytes;
    close(hold_fd);
    return is_done;
}
