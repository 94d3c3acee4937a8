#include "store/journal_mark.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "store/mapped.h"

static MDB_val row_key(void)
{
    return od_env_value(OD_SLICE("journal"));
}

bool od_journal_mark_read(struct od_journal_mark *mark, od_slice row)
{
    struct od_cursor cursor = od_cursor_of(row);
    od_slice id = od_cursor_bytes(&cursor, sizeof mark->id);
    mark->moment.sequence = od_cursor_u64(&cursor);
    mark->moment.time_ms = 0; // Older programs did not write these.
    mark->moment.sum = 0;
    if (!od_cursor_at_end(&cursor))
        mark->moment.time_ms = (od_time_ms)od_cursor_u64(&cursor);
    if (!od_cursor_at_end(&cursor))
        mark->moment.sum = od_cursor_u32(&cursor);
    if (cursor.failed)
        return false;
    memcpy(mark->id, id.at, id.size);
    return true;
}

static int get(struct od_journal_mark *mark, struct od_write *write)
{
    MDB_val stored, key = row_key();
    int code = od_write_get(write, write->env->meta, key, &stored);
    if (code != 0)
        return code;
    return od_journal_mark_read(mark, od_env_slice(stored)) ? 0 : MDB_CORRUPTED;
}

int od_journal_mark_put(const struct od_journal_mark *mark, struct od_write *write)
{
    struct od_bytes bytes = {NULL, 0, 0};
    od_bytes_put(&bytes, mark->id, sizeof mark->id);
    od_bytes_put_u64(&bytes, mark->moment.sequence);
    od_bytes_put_u64(&bytes, (uint64_t)mark->moment.time_ms);
    od_bytes_put_u32(&bytes, mark->moment.sum);
    int code =
        od_write_put(write, write->env->meta, row_key(), od_env_value(od_bytes_slice(&bytes)));
    od_bytes_deinit(&bytes);
    return code;
}

static int renew(struct od_journal_mark *mark, struct od_write *write)
{
    ssize_t got = getrandom(mark->id, sizeof mark->id, 0); // So few bytes come whole.
    return got == (ssize_t)sizeof mark->id ? od_journal_mark_put(mark, write) : EIO;
}

struct loading {
    struct od_journal_mark *mark;
    struct od_env *env;
    bool is_renewed;
};

static int load(void *argument)
{
    struct loading *loading = argument;
    struct od_write write;
    int code = od_write_begin(&write, loading->env);
    if (code != 0)
        return code;
    code = get(loading->mark, &write);
    if (code == MDB_NOTFOUND)
        loading->mark->moment = (struct od_journal_moment){0};
    if (code == MDB_NOTFOUND || (code == 0 && loading->is_renewed)) {
        code = renew(loading->mark, &write);
        if (code == 0)
            return od_write_commit(&write);
    }
    od_write_abort(&write);
    return code;
}

int od_journal_mark_load(struct od_journal_mark *mark, struct od_env *env)
{
    struct loading loading = {mark, env, false};
    return od_mapped_call(load, &loading);
}

int od_journal_mark_renew(struct od_journal_mark *mark, struct od_env *env)
{
    struct loading loading = {mark, env, true};
    return od_mapped_call(load, &loading);
}
