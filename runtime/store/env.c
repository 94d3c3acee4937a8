#include "store/env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "store/limits.h"

static struct od_env *opened; // In this process; see env.h.

static const struct {
    int code;
    const char *text;
} reasons[] = {
    {MDB_MAP_FULL, "the data file is as large as its map allows (limit of address space)"},
    {MDB_INVALID, "the file is damaged or is not a data file of open-do"},
    {MDB_CORRUPTED, "the file is damaged"},
    {MDB_PAGE_NOTFOUND, "the file is damaged"},
    {MDB_VERSION_MISMATCH, "the file was written by another version of LMDB"},
    {MDB_READERS_FULL, "too many processes read it"},
    {MDB_PANIC, "an earlier error left the file in doubt; restart open-do"},
    {ENOSPC, "no space left on the disk"},
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

MDB_val od_env_value(od_slice slice)
{
    return (MDB_val){slice.size, (void *)(uintptr_t)slice.at}; // LMDB takes keys without const.
}

od_slice od_env_slice(MDB_val value)
{
    return (od_slice){value.mv_data, value.mv_size};
}

static bool fail_open(const struct od_env *env, int code, struct od_error *err)
{
    const char *advice = "";
    if (code == MDB_INVALID || code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND)
        advice =
            "; restore the directory from a backup, or move it away to begin with an empty one";
    return od_error_set(err, "cannot open %s/data.mdb: %s%s", env->directory_path,
                        od_env_reason(code), advice);
}

// --- The map -------------------------------------------------------------------------------------

static int open_with_map(struct od_env *env, size_t map_bytes)
{
    unsigned flags = env->is_writer ? MDB_NOTLS : MDB_NOTLS | MDB_RDONLY;
    int code = mdb_env_create(&env->lmdb);
    if (code == 0)
        code = mdb_env_set_maxdbs(env->lmdb, 16);
    if (code == 0)
        code = mdb_env_set_maxreaders(env->lmdb, OD_STORE_READERS_MAX);
    if (code == 0)
        code = mdb_env_set_mapsize(env->lmdb, map_bytes);
    if (code == 0)
        code = mdb_env_open(env->lmdb, env->directory_path, flags, 0600);
    if (code != 0 && env->lmdb != NULL) {
        mdb_env_close(env->lmdb); // LMDB asks for this also after a failed open.
        env->lmdb = NULL;
    }
    return code;
}

// One map for all the file can ever be makes growth no event: nothing has to be remapped. Where
// address space is limited (ulimit -v, containers) a smaller one has to do.
static int open_with_largest_map(struct od_env *env)
{
    int code = ENOMEM;
    for (size_t bytes = OD_STORE_MAP_BYTES_MAX; code == ENOMEM && bytes >= OD_STORE_MAP_BYTES_MIN;
         bytes /= 4)
        code = open_with_map(env, bytes);
    return code;
}

// --- What is in the file -------------------------------------------------------------------------

static uint32_t format_of(MDB_val stored)
{
    struct od_cursor cursor = od_cursor_of(od_env_slice(stored));
    return od_cursor_u32(&cursor);
}

static bool check_format(const struct od_env *env, uint32_t format, struct od_error *err)
{
    if (format > OD_STORE_FORMAT)
        return od_error_set(err,
                            "%s was written by a newer open-do (format %u, this program knows "
                            "%u); use that version",
                            env->directory_path, format, OD_STORE_FORMAT);
    if (format < OD_STORE_FORMAT_OLDEST)
        return od_error_set(err,
                            "%s has format %u, which this program does not know (it writes %u)",
                            env->directory_path, format, OD_STORE_FORMAT);
    return true;
}

static int put_format(struct od_env *env, MDB_txn *txn, MDB_val key)
{
    struct od_bytes bytes = {NULL, 0, 0};
    od_bytes_put_u32(&bytes, OD_STORE_FORMAT);
    MDB_val value = od_env_value(od_bytes_slice(&bytes));
    int code = mdb_put(txn, env->meta, &key, &value, 0);
    od_bytes_deinit(&bytes);
    return code;
}

// A file without our format is ours to fill only when it is empty.
static bool found_format(struct od_env *env, MDB_txn *txn, struct od_error *err)
{
    MDB_stat stat;
    MDB_dbi root;
    MDB_val stored, key = od_env_value(OD_SLICE("format"));
    int code = mdb_dbi_open(txn, NULL, 0, &root);
    if (code == 0)
        code = mdb_stat(txn, root, &stat);
    if (code == 0 && env->is_writer && stat.ms_entries == 0) {
        code = mdb_dbi_open(txn, "meta", MDB_CREATE, &env->meta);
        code = code == 0 ? put_format(env, txn, key) : code;
    } else if (code == 0) {
        code = mdb_dbi_open(txn, "meta", 0, &env->meta);
    }
    if (code == 0)
        code = mdb_get(txn, env->meta, &key, &stored);
    if (code == MDB_NOTFOUND)
        code = MDB_INVALID;
    if (code == 0 && !check_format(env, format_of(stored), err))
        return false;
    if (code == 0 && env->is_writer && format_of(stored) != OD_STORE_FORMAT)
        code = put_format(env, txn, key);
    return code == 0 || fail_open(env, code, err);
}

static bool open_tables(struct od_env *env, MDB_txn *txn, struct od_error *err)
{
    if (!found_format(env, txn, err))
        return false;
    unsigned flags = env->is_writer ? MDB_CREATE : 0;
    int code = mdb_dbi_open(txn, "data", flags, &env->data);
    if (code == 0)
        code = mdb_dbi_open(txn, "directory", flags, &env->directory);
    if (code == 0)
        code = mdb_dbi_open(txn, "trash", flags, &env->trash);
    if (code == 0)
        code = mdb_dbi_open(txn, "alarms", flags, &env->alarms);
    return code == 0 || fail_open(env, code, err);
}

static bool open_content(struct od_env *env, struct od_error *err)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(env->lmdb, NULL, env->is_writer ? 0 : MDB_RDONLY, &txn);
    if (code != 0)
        return fail_open(env, code, err);
    if (!open_tables(env, txn, err)) {
        mdb_txn_abort(txn);
        return false;
    }
    code = mdb_txn_commit(txn); // Also of a reader: it keeps the tables open.
    return code == 0 || fail_open(env, code, err);
}

// --- Opening and closing -------------------------------------------------------------------------

// LMDB syncs the file, never the directory: without this a power cut can take a new file with all
// it holds.
static bool sync_directory(const char *path, struct od_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (!synced)
        od_error_errno(err, "cannot sync the directory %s", path);
    if (fd >= 0)
        close(fd);
    return synced;
}

bool od_env_make_directory(const char *directory, struct od_error *err)
{
    if (mkdir(directory, 0700) != 0)
        return errno == EEXIST ||
               od_error_errno(err, "cannot make the data directory %s", directory);
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s/..", directory);
    return sync_directory(parent, err);
}

static bool open_file(struct od_env *env, struct od_error *err)
{
    int code = open_with_largest_map(env);
    if (code != 0)
        return fail_open(env, code, err);
    if (open_content(env, err) && (!env->is_writer || sync_directory(env->directory_path, err)))
        return true;
    mdb_env_close(env->lmdb);
    return false;
}

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
    struct od_env *env = *result = find_opened(path);
    if (env != NULL) {
        free(path);
        return share(env, as_writer, err);
    }
    env = *result = od_allocate_zeroed(sizeof *env);
    *env = (struct od_env){
        .pid = getpid(), .is_writer = as_writer, .users = 1, .directory_path = path};
    if (!open_file(env, err)) {
        free(path);
        free(env);
        return false;
    }
    od_list_init(&env->readers);
    pthread_rwlock_init(&env->gate, NULL);
    pthread_mutex_init(&env->mutex, NULL);
    env->next = opened;
    opened = env;
    return true;
}

void od_env_close(struct od_env *env)
{
    OD_ASSERT(env->pid == getpid());
    if (--env->users > 0)
        return;
    struct od_env **place = &opened;
    while (*place != env)
        place = &(*place)->next;
    *place = env->next;
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
    pthread_mutex_lock(&env->mutex);
    od_list_remove(&reader->link);
    mdb_txn_abort(reader->txn);
    pthread_mutex_unlock(&env->mutex);
}

int od_env_reader_begin(struct od_env *env, struct od_env_reader *reader)
{
    pthread_rwlock_rdlock(&env->gate);
    int code = mdb_txn_renew(reader->txn);
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
    mdb_txn_reset(reader->txn);
    pthread_rwlock_unlock(&env->gate);
}

static struct od_env_reader *reader_of(struct od_list *link)
{
    return OD_LIST_MEMBER(link, struct od_env_reader, link);
}

void od_env_reopen(struct od_env *env)
{
    struct od_error err;
    OD_ASSERT(env->is_writer);
    pthread_rwlock_wrlock(&env->gate);
    pthread_mutex_lock(&env->mutex);
    OD_LIST_EACH (link, &env->readers)
        mdb_txn_abort(reader_of(link)->txn);
    mdb_env_close(env->lmdb);
    if (!open_file(env, &err))
        od_panic(__FILE__, __LINE__, "after a failed commit: %s", err.text);
    OD_LIST_EACH (link, &env->readers) {
        int code = begin_and_reset(env, reader_of(link));
        if (code != 0)
            od_panic(__FILE__, __LINE__, "after a failed commit: %s", od_env_reason(code));
    }
    pthread_mutex_unlock(&env->mutex);
    pthread_rwlock_unlock(&env->gate);
}
