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
    MDB_txn *txn;
    uint64_t run_pages; // So many must lie beside each other.
    uint64_t pages;
};

// Page numbers, from the highest down.
static uint64_t count_in_runs(const uint64_t *numbers, uint64_t count, uint64_t run_pages)
{
    uint64_t pages = 0, run = 0;
    OD_ASSERT(run_pages > 0);
    for (uint64_t i = 0; i < count; i++) {
        run = i > 0 && numbers[i] + 1 == numbers[i - 1] ? run + 1 : 1;
        pages += run % run_pages == 0 ? run_pages : 0;
    }
    return pages;
}

static int count_record(struct counting *counting, MDB_val value)
{
    const uint64_t *numbers = value.mv_data;
    if (value.mv_size < sizeof *numbers || numbers[0] > value.mv_size / sizeof *numbers - 1)
        return MDB_CORRUPTED;
    counting->pages += count_in_runs(numbers + 1, numbers[0], counting->run_pages);
    return 0;
}

// The list is a table like others, the first. Each value is what one transaction has freed, and
// begins with the count. LMDB leaves alone what the last one has freed: its number is that of who
// reads.
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
    while (code == 0 && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        uint64_t number = 0;
        memcpy(&number, key.mv_data, key.mv_size < sizeof number ? key.mv_size : sizeof number);
        if (number >= mdb_txn_id(counting->txn))
            break;
        code = count_record(counting, value);
    }
    od_mapped_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

// It takes as long as the list, and is asked for only when the disk is full.
static bool has_free_pages(const struct od_env *env, uint64_t pages, uint64_t run_pages)
{
    struct counting counting = {.run_pages = run_pages};
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

// --- What is needed ------------------------------------------------------------------------------

// All the bytes twice over, as LMDB keeps what it replaces until no reader sees it; a page copied
// for each submission and its way from the root, or for each key where that is more, but none that
// is not there.
static uint64_t bytes_for(const struct od_unapplied *unapplied, const struct file *file)
{
    uint64_t copied = (uint64_t)unapplied->operations * file->page_bytes;
    uint64_t each = (uint64_t)unapplied->count * OD_STORE_RESERVE_EACH_BYTES;
    copied = copied < file->used_bytes ? copied : file->used_bytes;
    return 2 * (uint64_t)unapplied->bytes + (copied > each ? copied : each) +
           OD_STORE_RESERVE_LEAST_BYTES;
}

bool od_room_is_lacking(const struct od_env *env, const struct od_unapplied *unapplied)
{
    struct file file = file_of(env);
    struct od_room room = {0};
    int code = allocate(&room, env, file.used_bytes, bytes_for(unapplied, &file));
    return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

int od_room_set_aside(struct od_room *room, const struct od_env *env,
                      const struct od_unapplied *unapplied)
{
    struct file file = file_of(env);
    uint64_t bytes = bytes_for(unapplied, &file);
    if (file.used_bytes + bytes <= room->end)
        return 0;
    int code = MDB_MAP_FULL;
    if (file.used_bytes + bytes <= file.map_bytes)
        code = allocate(room, env, file.used_bytes, bytes);
    uint64_t run_pages = unapplied->value_bytes / file.page_bytes + 1;
    return code != 0 && has_free_pages(env, bytes / file.page_bytes + 1, run_pages) ? 0 : code;
}
