#include "store/base.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "codec/check_sum.h"
#include "store/env.h"
#include "store/limits.h"
#include "store/mapped.h"
#include "store/open_file.h"

#define OD_BASE_MAGIC "od-base\n"
#define OD_BASE_VERSION 1u
#define OD_BASE_TAIL_BYTES 4096u

void od_base_name(char name[OD_BASE_NAME_BYTES], uint64_t sequence)
{
    snprintf(name, OD_BASE_NAME_BYTES, "%020llu.base", (unsigned long long)sequence);
}

static bool fail(int code, const char *what, const char *path, struct od_error *err)
{
    errno = code;
    return od_error_errno(err, "cannot %s %s", what, path);
}

// --- What its end says ---------------------------------------------------------------------------

static void put_tail(struct od_bytes *bytes, const struct od_base *base)
{
    struct od_bytes said = {0};
    od_bytes_put(&said, base->mark.id, sizeof base->mark.id);
    od_bytes_put_u64(&said, base->mark.moment.sequence);
    od_bytes_put_u64(&said, (uint64_t)base->mark.moment.time_ms);
    od_bytes_put_u64(&said, base->bytes);
    od_bytes_put_u32(&said, base->sum);
    od_bytes_put_slice(bytes, OD_SLICE(OD_BASE_MAGIC));
    od_bytes_put_u32(bytes, OD_BASE_VERSION);
    od_bytes_put_u32(bytes, od_check_sum(od_bytes_slice(&said)));
    od_bytes_put_slice(bytes, od_bytes_slice(&said));
    od_bytes_put_u32(bytes, base->mark.moment.sum);
    od_bytes_deinit(&said);
    OD_ASSERT(bytes->size < OD_BASE_TAIL_BYTES);
    memset(od_bytes_reserve(bytes, OD_BASE_TAIL_BYTES - bytes->size), 0,
           OD_BASE_TAIL_BYTES - bytes->size);
    bytes->size = OD_BASE_TAIL_BYTES;
}

// False: it is none.
static bool take_tail(struct od_base *base, od_slice tail, uint32_t *version)
{
    struct od_cursor cursor = od_cursor_of(tail);
    od_slice magic = od_cursor_bytes(&cursor, strlen(OD_BASE_MAGIC));
    *version = od_cursor_u32(&cursor);
    uint32_t sum = od_cursor_u32(&cursor);
    const char *said = cursor.at;
    od_slice id = od_cursor_bytes(&cursor, sizeof base->mark.id);
    base->mark.moment.sequence = od_cursor_u64(&cursor);
    base->mark.moment.time_ms = (od_time_ms)od_cursor_u64(&cursor);
    base->bytes = od_cursor_u64(&cursor);
    base->sum = od_cursor_u32(&cursor);
    size_t said_bytes = (size_t)(cursor.at - said);
    base->mark.moment.sum = od_cursor_u32(&cursor);
    if (cursor.failed || !od_slice_equal(magic, OD_SLICE(OD_BASE_MAGIC)))
        return false;
    memcpy(base->mark.id, id.at, id.size);
    return *version > OD_BASE_VERSION || od_check_sum((od_slice){said, said_bytes}) == sum;
}

// How much there is of it; -1: it cannot be read.
static ssize_t read_tail(int fd, const struct stat *status, char tail[OD_BASE_TAIL_BYTES])
{
    off_t at = status->st_size - (off_t)OD_BASE_TAIL_BYTES;
    return at > 0 ? pread(fd, tail, OD_BASE_TAIL_BYTES, at) : 0;
}

bool od_base_look(struct od_base *base, const char *path, struct od_error *err)
{
    *base = (struct od_base){0};
    char tail[OD_BASE_TAIL_BYTES];
    struct stat status;
    uint32_t version = 0;
    int fd = od_open_file(AT_FDCWD, path);
    ssize_t count = fd >= 0 && fstat(fd, &status) == 0 ? read_tail(fd, &status, tail) : -1;
    if (count < 0)
        od_error_errno(err, "cannot read %s", path);
    if (fd >= 0)
        close(fd);
    if (count < 0)
        return false;
    bool is_base =
        count == (ssize_t)sizeof tail && take_tail(base, (od_slice){tail, sizeof tail}, &version);
    if (is_base && version > OD_BASE_VERSION)
        return od_error_set(err, "%s was written by a newer open-do; use that one", path);
    base->is_damaged = !is_base || base->bytes + sizeof tail != (uint64_t)status.st_size;
    return !base->is_damaged ||
           od_error_set(err, "%s is not a whole base: its end is missing or damaged", path);
}

// --- Making --------------------------------------------------------------------------------------

// LMDB writes the file, and another thread reads behind it what is in the cache still, for the
// check sum. A pipe between both would wake them for every 32 KiB, which takes half of the time.
struct copying {
    struct od_env *env;
    int to;
    int code;
    atomic_bool is_over;
};

static int copy_compact(void *argument)
{
    const struct copying *copying = argument;
    return mdb_env_copyfd2(copying->env->lmdb, copying->to, MDB_CP_COMPACT);
}

static void *run_copying(void *argument)
{
    struct copying *copying = argument;
    copying->code = od_mapped_call(copy_compact, copying);
    atomic_store(&copying->is_over, true);
    return NULL;
}

static uint64_t used_bytes(const struct od_env *env)
{
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(env->lmdb, &info);
    mdb_env_stat(env->lmdb, &stat);
    return (info.me_last_pgno + 1) * (uint64_t)stat.ms_psize;
}

static int read_behind(struct od_copy *copy, struct copying *copying)
{
    bool is_over = false;
    int code = 0;
    while (code == 0 && !is_over) {
        is_over = atomic_load(&copying->is_over);
        code = od_copy_run(copy);
        if (!is_over)
            usleep(OD_STORE_BEHIND_US);
    }
    return code;
}

// Into [fd], which is called [path].
static bool copy_env(struct od_base *base, struct od_env *env, int fd, const char *path,
                     struct od_progress *progress, struct od_error *err)
{
    pthread_t thread;
    OD_ASSERT(fd >= 0);
    OD_ASSERT(!env->is_writer || env->lost == 0);
    struct copying copying = {.env = env, .to = fd};
    struct od_copy copy = {.from = open(path, O_RDONLY | O_CLOEXEC),
                           .to = -1,
                           .bytes = UINT64_MAX,
                           .what = "copied",
                           .total = used_bytes(env),
                           .progress = progress};
    if (copy.from < 0)
        return od_error_errno(err, "cannot read %s", path);
    int code = pthread_create(&thread, NULL, run_copying, &copying);
    if (code != 0) {
        close(copy.from);
        return fail(code, "start a thread for", path, err);
    }
    code = read_behind(&copy, &copying);
    pthread_join(thread, NULL);
    close(copy.from);
    base->bytes = copy.done;
    base->sum = copy.sum;
    if (code != 0)
        return fail(code, "read", path, err);
    return copying.code == 0 ||
           od_error_set(err, "cannot copy %s/data.mdb: %s%s", env->directory_path,
                        od_env_reason(copying.code), od_env_advice(env, copying.code));
}

struct peeking {
    const char *path;
    struct od_journal_mark *mark;
};

// What the row says that the transaction which applies has written (journal_mark.h).
static int peek(void *argument)
{
    const struct peeking *peeking = argument;
    MDB_env *lmdb = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi meta;
    MDB_val stored, key = od_env_value(OD_SLICE("journal"));
    int code = mdb_env_create(&lmdb);
    if (code == 0)
        code = mdb_env_set_maxdbs(lmdb, 2);
    if (code == 0)
        code = mdb_env_open(lmdb, peeking->path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY, 0600);
    if (code == 0)
        code = mdb_txn_begin(lmdb, NULL, MDB_RDONLY, &txn);
    if (code == 0)
        code = mdb_dbi_open(txn, "meta", 0, &meta);
    if (code == 0)
        code = mdb_get(txn, meta, &key, &stored);
    if (code == 0 && !od_journal_mark_read(peeking->mark, od_env_slice(stored)))
        code = MDB_CORRUPTED;
    if (txn != NULL)
        mdb_txn_abort(txn);
    if (lmdb != NULL)
        mdb_env_close(lmdb);
    return code;
}

// Which moment was copied is known to the copy alone.
static bool read_mark(struct od_base *base, const char *path, struct od_error *err)
{
    struct peeking peeking = {path, &base->mark};
    int code = od_mapped_call(peek, &peeking);
    if (code == MDB_NOTFOUND)
        return od_error_set(err, "the data directory was written by an open-do that kept no "
                                 "journal; start this one over it once");
    return code == 0 || od_error_set(err, "cannot read %s: %s", path, od_env_reason(code));
}

static bool write_tail(const struct od_base *base, int fd, const char *path, struct od_error *err)
{
    struct od_bytes tail = {0};
    put_tail(&tail, base);
    int code = od_copy_write(fd, tail.at, tail.size);
    od_bytes_deinit(&tail);
    return code == 0 || fail(code, "write", path, err);
}

bool od_base_make(struct od_base *base, const char *path, struct od_env *env,
                  struct od_progress *progress, struct od_error *err)
{
    *base = (struct od_base){0};
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return od_error_errno(err, "cannot make %s", path);
    bool is_made = copy_env(base, env, fd, path, progress, err) && read_mark(base, path, err) &&
                   write_tail(base, fd, path, err);
    int code = od_copy_close(fd);
    return is_made && (code == 0 || fail(code, "write", path, err));
}

// --- Unpacking -----------------------------------------------------------------------------------

static bool unpack(struct od_base *base, struct od_copy *copy, const char *path, const char *to,
                   struct od_error *err)
{
    OD_ASSERT(copy->from >= 0);
    OD_ASSERT(copy->bytes == base->bytes);
    int code = od_copy_run(copy);
    if (code != 0)
        return fail(code, "copy", to == NULL ? path : to, err);
    base->is_damaged = copy->done != base->bytes || copy->sum != base->sum;
    return !base->is_damaged ||
           od_error_set(err, "%s is damaged: its check sum is not what it was", path);
}

bool od_base_unpack(struct od_base *base, const char *path, const char *to,
                    struct od_progress *progress, struct od_error *err)
{
    struct od_copy copy = {.from = od_open_file(AT_FDCWD, path),
                           .to = -1,
                           .bytes = base->bytes,
                           .what = to == NULL ? "checked" : "restored",
                           .total = base->bytes,
                           .progress = progress};
    if (copy.from < 0)
        return od_error_errno(err, "cannot read %s", path);
    if (to != NULL)
        copy.to = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_made = to == NULL || copy.to >= 0 || od_error_errno(err, "cannot make %s", to);
    bool is_unpacked = is_made && unpack(base, &copy, path, to, err);
    int code = copy.to < 0 ? 0 : od_copy_close(copy.to);
    close(copy.from);
    return is_unpacked && (code == 0 || fail(code, "write", to, err));
}
