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

static int get(struct od_journal_mark *mark, struct od_write *write)
{
    MDB_val stored, key = row_key();
    int code = od_write_get(write, write->env->meta, key, &stored);
    if (code != 0)
        return code;
    struct od_cursor cursor = od_cursor_of(od_env_slice(stored));
    od_slice id = od_cursor_bytes(&cursor, sizeof mark->id);
    mark->sequence = od_cursor_u64(&cursor);
    if (cursor.failed)
        return MDB_CORRUPTED;
    memcpy(mark->id, id.at, id.size);
    return 0;
}

int od_journal_mark_put(const struct od_journal_mark *mark, struct od_write *write)
{
    struct od_bytes bytes = {NULL, 0, 0};
    od_bytes_put(&bytes, mark->id, sizeof mark->id);
    od_bytes_put_u64(&bytes, mark->sequence);
    int code =
        od_write_put(write, write->env->meta, row_key(), od_env_value(od_bytes_slice(&bytes)));
    od_bytes_deinit(&bytes);
    return code;
}

static int make(struct od_journal_mark *mark, struct od_write *write)
{
    mark->sequence = 0;
    ssize_t got = getrandom(mark->id, sizeof mark->id, 0); // So few bytes come whole.
    return got == (ssize_t)sizeof mark->id ? od_journal_mark_put(mark, write) : EIO;
}

struct loading {
    struct od_journal_mark *mark;
    struct od_env *env;
};

static int load(void *argument)
{
    struct loading *loading = argument;
    struct od_write write;
    int code = od_write_begin(&write, loading->env);
    if (code != 0)
        return code;
    code = get(loading->mark, &write);
    if (code == MDB_NOTFOUND) {
        code = make(loading->mark, &write);
        if (code == 0)
            return od_write_commit(&write);
    }
    od_write_abort(&write);
    return code;
}

int od_journal_mark_load(struct od_journal_mark *mark, struct od_env *env)
{
    struct loading loading = {mark, env};
    return od_mapped_call(load, &loading);
}
