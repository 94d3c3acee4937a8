#include "store/env_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "store/advice.h"
#include "store/copy.h"
#include "store/file_check.h"
#include "store/file_page.h"
#include "store/limits.h"
#include "store/mapped.h"
#include "store/unfinished.h"

static bool fail_open(const struct od_env *env, int code, struct od_error *err)
{
    return od_error_set(err, "cannot open %s/data.mdb: %s%s", env->directory_path,
                        od_env_reason(code), od_env_advice(env, code));
}

// --- The map -------------------------------------------------------------------------------------

static int open_with_map(struct od_env *env, const char *path, unsigned flags, size_t map_bytes)
{
    int code = mdb_env_create(&env->lmdb);
    if (code == 0)
        code = mdb_env_set_maxdbs(env->lmdb, 16);
    if (code == 0)
        code = mdb_env_set_maxreaders(env->lmdb, OD_STORE_READERS_MAX);
    if (code == 0)
        code = mdb_env_set_mapsize(env->lmdb, map_bytes);
    if (code == 0)
        od_mapped_prepare(env->lmdb);
    if (code == 0)
        code = mdb_env_open(env->lmdb, path, MDB_NOTLS | flags, 0600);
    int fd;
    if (code == 0 && mdb_env_get_fd(env->lmdb, &fd) == 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC); // It may be written to: LMDB leaves it to our children.
    if (code != 0 && env->lmdb != NULL) {
        mdb_env_close(env->lmdb); // LMDB asks for this also after a failed open.
        env->lmdb = NULL;
    }
    return code;
}

// One map for all the file can ever be makes growth no event: nothing has to be remapped. Where
// address space is limited (ulimit -v, containers) a smaller one has to do.
static int open_with_largest_map(struct od_env *env, const char *path, unsigned flags)
{
    int code = ENOMEM;
    for (size_t bytes = OD_STORE_MAP_BYTES_MAX; code == ENOMEM && bytes >= OD_STORE_MAP_BYTES_MIN;
         bytes /= 4)
        code = open_with_map(env, path, flags, bytes);
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

struct opening {
    struct od_env *env;
    struct od_error *err;
    bool is_open;
};

static int open_what_is_there(void *argument)
{
    struct opening *opening = argument;
    opening->is_open = open_content(opening->env, opening->err);
    return 0;
}

// Only who writes has looked at the file before (file_check.h): for others its pages may be gone.
static bool open_for_reading(struct od_env *env, struct od_error *err)
{
    struct opening opening = {env, err, false};
    OD_ASSERT(!env->is_writer);
    int code = od_mapped_call(open_what_is_there, &opening);
    return code == 0 ? opening.is_open : fail_open(env, code, err);
}

// LMDB does not say where it maps the file, but for what lies in it: any value tells, by the number
// of its page. A file that was checked has one that is right.
static bool find_map(struct od_env *env, struct od_error *err)
{
    MDB_txn *txn;
    MDB_stat stat;
    MDB_envinfo info;
    MDB_val found, key = od_env_value(OD_SLICE("format"));
    int code = mdb_env_stat(env->lmdb, &stat);
    code = code == 0 ? mdb_env_info(env->lmdb, &info) : code;
    code = code == 0 ? mdb_txn_begin(env->lmdb, NULL, MDB_RDONLY, &txn) : code;
    if (code != 0)
        return fail_open(env, code, err);
    code = mdb_get(txn, env->meta, &key, &found);
    if (code == 0) {
        const unsigned char *value = found.mv_data;
        const unsigned char *page = value - (uintptr_t)value % stat.ms_psize;
        env->map = page - od_file_u64(page, od_file_page_number_at) * stat.ms_psize;
        env->page_bytes = stat.ms_psize;
        env->map_bytes = info.me_mapsize;
    }
    mdb_txn_abort(txn);
    return code == 0 || fail_open(env, code, err);
}

// --- The file ------------------------------------------------------------------------------------

bool od_env_make_directory(const char *directory, struct od_error *err)
{
    if (mkdir(directory, 0700) != 0)
        return errno == EEXIST ||
               od_error_errno(err, "cannot make the data directory %s", directory);
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s/..", directory);
    return od_copy_sync_directory(parent, err);
}

static bool fill(struct od_env *env, const char *path, struct od_error *err)
{
    int code = open_with_largest_map(env, path, MDB_NOSUBDIR | MDB_NOLOCK);
    if (code != 0)
        return fail_open(env, code, err);
    bool filled = open_content(env, err);
    mdb_env_close(env->lmdb);
    return filled;
}

static bool exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

static bool has_lock_file(const struct od_env *env)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/lock.mdb", env->directory_path);
    return exists(path);
}

static bool make(struct od_env *env, struct od_error *err)
{
    char path[PATH_MAX], made[PATH_MAX];
    snprintf(path, sizeof path, "%s/data.mdb", env->directory_path);
    snprintf(made, sizeof made, "%s/new-data.mdb", env->directory_path);
    if (exists(path))
        return true;
    if (has_lock_file(env)) // LMDB makes one when it opens a file that is there.
        return od_error_set(err,
                            "%s is missing, though lock.mdb beside it says that there was one%s",
                            path, od_advice_damaged(env->directory_path));
    unlink(made); // Of a program that died over it.
    if (!fill(env, made, err))
        return false;
    return rename(made, path) == 0 || od_error_errno(err, "cannot rename %s to data.mdb", made);
}

// Opened anew it has to be the same. What LMDB opened has to have the name: it may have got another
// in between.
static bool note_files(struct od_env *env, struct od_error *err)
{
    struct od_store_files files;
    struct stat status;
    int fd = -1;
    od_store_files_look(&files, env->directory_path);
    bool is_same = mdb_env_get_fd(env->lmdb, &fd) == 0 && fstat(fd, &status) == 0 &&
                   status.st_dev == files.data.device && status.st_ino == files.data.inode;
    if (env->files.data.inode != 0 && !od_store_files_equal(&files, &env->files))
        is_same = false;
    if (is_same && env->files.data.inode == 0) // Others compare with it meanwhile.
        env->files = files;
    return is_same || fail_open(env, ESTALE, err);
}

// A named pipe in its place would keep LMDB waiting.
static bool look_whether_file(const struct od_env *env, struct od_error *err)
{
    char path[PATH_MAX];
    struct stat facts;
    snprintf(path, sizeof path, "%s/data.mdb", env->directory_path);
    return stat(path, &facts) != 0 || S_ISREG(facts.st_mode) ||
           od_error_set(err, "%s is no file; put the data file there, or restore it", path);
}

bool od_env_file_open(struct od_env *env, struct od_error *err)
{
    if (!look_whether_file(env, err))
        return false;
    if (env->is_writer && (!od_unfinished_refuse(env->directory_path, err) || !make(env, err) ||
                           !od_file_check(env->directory_path, err)))
        return false;
    int code = open_with_largest_map(env, env->directory_path, env->is_writer ? 0 : MDB_RDONLY);
    if (code != 0)
        return fail_open(env, code, err);
    if (note_files(env, err) &&
        (env->is_writer ? open_content(env, err) : open_for_reading(env, err)) &&
        // LMDB syncs the file, never the directory: without this a power cut can take a new file
        // with all it holds.
        (!env->is_writer ||
         (find_map(env, err) && od_copy_sync_directory(env->directory_path, err))))
        return true;
    mdb_env_close(env->lmdb);
    return false;
}
