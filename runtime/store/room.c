#include "store/room.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fault.h"
#include "store/limits.h"
#include "store/mapped.h"

struct file {
    uint64_t page_bytes;
    uint64_t used_bytes; // To the last page that was ever used.
    uint64_t map_bytes;
};

static struct file file_of(const struct od_env *env)
{
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(env->lmdb, &info);
    mdb_env_stat(env->lmdb, &stat);
    return (struct file){.page_bytes = stat.ms_psize,
                         .used_bytes = (info.me_last_pgno + 1) * (uint64_t)stat.ms_psize,
                         .map_bytes = info.me_mapsize};
}

// --- Pages that are free -------------------------------------------------------------------------

struct counting {
    const struct od_env *env;
    MDB_txn *txn;
    uint64_t pages;
};

// The list is a table like others, the first. Each value is what one transaction has freed, and
// begins with the count.
static int count_free(void *argument)
{
    enum {
        FREE_LIST = 0,
    };
    struct counting *counting = argument;
    MDB_cursor *cursor;
    MDB_val key, value;
    int code = od_mapped_cursor_open(counting->txn, FREE_LIST, &cursor);
    if (code != 0)
        return code;
    while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        size_t count;
        if (value.mv_size < sizeof count)
            return MDB_CORRUPTED;
        memcpy(&count, value.mv_data, sizeof count);
        counting->pages += count;
    }
    od_mapped_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

// It takes as long as the list, and is asked for only when the disk is full.
static bool has_free_pages(const struct od_env *env, uint64_t pages)
{
    struct counting counting = {.env = env};
    if (mdb_txn_begin(env->lmdb, NULL, MDB_RDONLY, &counting.txn) != 0)
        return false;
    int code = od_mapped_call(count_free, &counting);
    mdb_txn_abort(counting.txn);
    return code == 0 && counting.pages >= pages;
}

// --- Blocks behind the end -----------------------------------------------------------------------

// More than is needed now, so that it is rarely done; where that is too much, what is needed.
static int allocate(struct od_room *room, const struct od_env *env, uint64_t from, uint64_t bytes)
{
    int fd;
    int code = mdb_env_get_fd(env->lmdb, &fd);
    if (code != 0)
        return code;
    if (OD_FAULT("room.none"))
        return ENOSPC;
    const uint64_t sizes[] = {bytes + OD_STORE_RESERVE_BYTES, bytes};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)sizes[i]) == 0) {
            room->end = from + sizes[i];
            return 0;
        }
    }
    return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : errno;
}

int od_room_set_aside(struct od_room *room, const struct od_env *env, uint64_t bytes)
{
    struct file file = file_of(env);
    if (file.used_bytes + bytes <= room->end)
        return 0;
    int code = MDB_MAP_FULL;
    if (file.used_bytes + bytes <= file.map_bytes)
        code = allocate(room, env, file.used_bytes, bytes);
    return code != 0 && has_free_pages(env, bytes / file.page_bytes + 1) ? 0 : code;
}
