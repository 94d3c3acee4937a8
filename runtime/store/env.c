#include "store/env.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "store/advice.h"
#include "store/env_file.h"
#include "store/mapped.h"

static struct od_env *opened; // In this process; see env.h.

static const struct {
    int code;
    const char *text;
} reasons[] = {
    {MDB_MAP_FULL, "the data file is as large as its map allows (limit of address space)"},
    {MDB_INVALID, "the file is damaged or is not a data file of open-do"},
    {MDB_CORRUPTED, "the file is damaged"},
    {MDB_PAGE_NOTFOUND, "the file is damaged"},
    {MDB_BAD_TXN, "the file is damaged"}, // LMDB's word for a transaction that met damage before.
    {MDB_CURSOR_FULL, "the file is damaged"},
    {MDB_INCOMPATIBLE, "the file is damaged"},
    {OD_ENV_ENGINE_REFUSED, "the engine has refused it"},
    {OD_ENV_FENCED, "another node has taken over"},
    {OD_ENV_ENGINE_ENDED, "the engine is away, and this program ends"},
    {OD_ENV_BASE_DAMAGED, "the file is damaged in pages that every write needs (where its tables "
                          "begin, which pages are free)"},
    {MDB_VERSION_MISMATCH, "the file was written by another version of LMDB"},
    {MDB_READERS_FULL, "too many processes read it"},
    {MDB_PANIC, "an earlier error left the file in doubt; restart open-do"},
    {ESTALE,
     "data.mdb, lock.mdb or the journal was removed or exchanged while open-do had it open"},
    {ENOSPC, "no space left on the disk"},
    {EFBIG, "the disk is full, or no file may be larger (ulimit -f)"},
    {EIO, "the disk is full or failing (Input/output error)"},
    {ENOENT, "there is no data file"},
    {ENOMEM, "no memory, or less address space than the 1 GiB it takes (ulimit -v)"},
};

const char *od_env_reason(int code)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].code == code)
            return reasons[i].text;
    }
    return mdb_strerror(code);
}

bool od_env_is_damage(int code)
{
    return code == MDB_INVALID || code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND ||
           code == MDB_BAD_TXN || code == MDB_CURSOR_FULL || code == MDB_INCOMPATIBLE ||
           code == OD_ENV_BASE_DAMAGED;
}

const char *od_env_advice(const struct od_env *env, int code)
{
    if (code == ESTALE)
        return "; what was acknowledged until now is in the file that was open: look which "
               "data.mdb is the right one before you start open-do again";
    return od_env_is_damage(code) ? od_advice_damaged(env->directory_path) : "";
}

MDB_val od_env_value(od_slice slice)
{
    return (MDB_val){slice.size, (void *)(uintptr_t)slice.at}; // LMDB takes keys without const.
}

od_slice od_env_slice(MDB_val value)
{
    return (od_slice){value.mv_data, value.mv_size};
}

// --- Opening and closing -------------------------------------------------------------------------

static struct od_env *find_opened(const char *path)
{
    struct od_env *env = opened;
    while (env != NULL && strcmp(env->directory_path, path) != 0)
        env = env->next;
    return env;
}

static bool share(struct od_env *env, bool as_writer, struct od_error *err)
{
    OD_ASSERT(env->pid == getpid());
    OD_ASSERT(env->users > 0);
    if (as_writer && !env->is_writer)
        return od_error_set(err, "%s is already open in this process", env->directory_path);
    env->users++;
    return true;
}

bool od_env_open(struct od_env **result, const char *directory, bool as_writer,
                 struct od_error *err)
{
    char *path = realpath(directory, NULL);
    if (path == NULL)
        return od_error_errno(err, "cannot open the data directory %s", directory);
    struct od_env *env = find_opened(path);
    if (env != NULL) {
        free(path);
        *result = env;
        return share(env, as_writer, err);
    }
    env = od_allocate_zeroed(sizeof *env);
    *env = (struct od_env){
        .pid = getpid(), .is_writer = as_writer, .users = 1, .directory_path = path};
    if (!od_env_file_open(env, err)) {
        free(path);
        free(env);
        return false;
    }
    od_list_init(&env->readers);
    pthread_rwlock_init(&env->gate, NULL);
    pthread_mutex_init(&env->mutex, NULL);
    env->next = opened;
    opened = *result = env;
    return true;
}

void od_env_close(struct od_env *env)
{
    OD_ASSERT(env->pid == getpid());
    OD_ASSERT(env->users > 0);
    if (--env->users > 0)
        return;
    struct od_env **place = &opened;
    while (*place != env) {
        OD_ASSERT(*place != NULL);
        place = &(*place)->next;
    }
    *place = env->next;
    if (env->lost != MDB_CORRUPTED) // It was left in the middle of a write (od_mapped_call).
        mdb_env_close(env->lmdb);
    OD_ASSERT(od_list_is_empty(&env->readers));
    pthread_mutex_destroy(&env->mutex);
    pthread_rwlock_destroy(&env->gate);
    free(env->directory_path);
    free(env);
}

// --- Readers, and opening anew -------------------------------------------------------------------

static int begin_and_reset(const struct od_env *env, struct od_env_reader *reader)
{
    int code = mdb_txn_begin(env->lmdb, NULL, MDB_RDONLY, &reader->txn);
    if (code == 0)
        mdb_txn_reset(reader->txn);
    return code;
}

int od_env_reader_open(struct od_env *env, struct od_env_reader *reader)
{
    OD_ASSERT(env->users > 0);
    pthread_mutex_lock(&env->mutex);
    od_list_init(&reader->link);
    int code = begin_and_reset(env, reader);
    if (code == 0)
        od_list_push_back(&env->readers, &reader->link);
    pthread_mutex_unlock(&env->mutex);
    return code;
}

void od_env_reader_close(struct od_env *env, struct od_env_reader *reader)
{
    OD_ASSERT(env->users > 0);
    pthread_mutex_lock(&env->mutex);
    od_list_remove(&reader->link);
    mdb_txn_abort(reader->txn);
    pthread_mutex_unlock(&env->mutex);
}

static int renew(void *txn)
{
    return mdb_txn_renew(txn); // It reads the first pages of the file.
}

int od_env_reader_begin(struct od_env *env, struct od_env_reader *reader)
{
    pthread_rwlock_rdlock(&env->gate);
    int code = reader->txn == NULL ? MDB_INVALID : od_mapped_call(renew, reader->txn);
    if (code == MDB_MAP_RESIZED) { // The writer found more address space than we had.
        code = mdb_env_set_mapsize(env->lmdb, 0);
        code = code == 0 ? mdb_txn_renew(reader->txn) : code;
    }
    if (code != 0)
        pthread_rwlock_unlock(&env->gate);
    return code;
}

void od_env_reader_end(struct od_env *env, struct od_env_reader *reader)
{
    OD_ASSERT(reader->txn != NULL);
    mdb_txn_reset(reader->txn);
    pthread_rwlock_unlock(&env->gate);
}

static struct od_env_reader *reader_of(struct od_list *link)
{
    return OD_LIST_MEMBER(link, struct od_env_reader, link);
}

struct opening {
    struct od_env *env;
    struct od_error *err;
};

static int open_again(void *argument)
{
    struct opening *opening = argument;
    if (!od_env_file_open(opening->env, opening->err))
        return MDB_INVALID;
    od_env_set_synced(opening->env, !opening->env->is_unsynced);
    return 0;
}

void od_env_set_synced(struct od_env *env, bool is_synced)
{
    OD_ASSERT(env->is_writer);
    env->is_unsynced = !is_synced;
    int code = mdb_env_set_flags(env->lmdb, MDB_NOSYNC, !is_synced);
    OD_ASSERT(code == 0);
}

void od_env_reopen(struct od_env *env)
{
    struct od_error err;
    OD_ASSERT(env->is_writer);
    if (env->lost != 0)
        return;
    pthread_rwlock_wrlock(&env->gate);
    pthread_mutex_lock(&env->mutex);
    OD_LIST_EACH (link, &env->readers) {
        mdb_txn_abort(reader_of(link)->txn);
        reader_of(link)->txn = NULL;
    }
    mdb_env_close(env->lmdb);
    struct opening opening = {env, &err};
    int code = od_mapped_call(open_again, &opening);
    if (code != 0)
        env->lmdb = NULL; // What was left in the middle stays so; the process is about to end.
    OD_LIST_EACH (link, &env->readers)
        code = code == 0 ? begin_and_reset(env, reader_of(link)) : code;
    if (code != 0)
        od_env_lose(env, code);
    pthread_mutex_unlock(&env->mutex);
    pthread_rwlock_unlock(&env->gate);
}

void od_env_lose(struct od_env *env, int code)
{
    int none = 0;
    OD_ASSERT(code != 0);
    if (code == MDB_CORRUPTED) // LMDB may not be touched any more (od_env_close).
        env->lost = code;
    else
        (void)atomic_compare_exchange_strong(&env->lost, &none, code);
}

int od_env_check_files(struct od_env *env)
{
    struct od_store_files now;
    od_store_files_look(&now, env->directory_path);
    if (!od_store_files_equal(&now, &env->files))
        od_env_lose(env, ESTALE);
    return env->lost;
}
