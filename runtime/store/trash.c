#include "store/trash.h"

#include <string.h>

#include "store/keys.h"
#include "store/limits.h"
#include "store/mapped.h"

// Keys are what all rows of the number begin with; there are no values.
int od_trash_add(struct od_write *write, od_slot slot, uint64_t number)
{
    OD_ASSERT(number != 0);
    struct od_run run = od_run_of_object(slot, number);
    MDB_val key = {run.size, run.bytes}, value = {0, NULL};
    return od_write_put(write, write->env->trash, key, value);
}

static int sweep_run(struct od_write *write, MDB_cursor *rows, const struct od_run *run,
                     uint64_t *swept, bool *is_swept)
{
    size_t bytes = 0;
    OD_ASSERT(*swept <= OD_STORE_SWEEP_ENTRIES);
    MDB_val value, key = {run->size, (void *)(uintptr_t)run->bytes};
    int code = od_write_look(write, write->env->data, key);
    if (code == 0)
        code = mdb_cursor_get(rows, &key, &value, MDB_SET_RANGE);
    while (code == 0 && od_run_has(run, od_env_slice(key))) {
        if (*swept == OD_STORE_SWEEP_ENTRIES || bytes > OD_STORE_SWEEP_BYTES)
            return 0;
        bytes += value.mv_size;
        code = od_write_look(write, write->env->data, key);
        if (code == 0)
            code = mdb_cursor_del(rows, 0);
        *swept += code == 0;
        if (code == 0) // LMDB counts this as standing before the next one.
            code = mdb_cursor_get(rows, &key, &value, MDB_NEXT);
    }
    *is_swept = code == 0 || code == MDB_NOTFOUND;
    return *is_swept ? 0 : code;
}

static int sweep_first(struct od_write *write, MDB_cursor *trash, uint64_t *swept, bool *is_empty)
{
    MDB_cursor *rows;
    MDB_val value, key = {0, NULL}; // Before all others.
    int code = od_write_look(write, write->env->trash, key);
    if (code == 0)
        code = mdb_cursor_get(trash, &key, &value, MDB_FIRST);
    if (code != 0 || key.mv_size != OD_KEY_OBJECT_BYTES)
        return code != 0 ? code : MDB_CORRUPTED;
    struct od_run run = {.size = OD_KEY_OBJECT_BYTES};
    memcpy(run.bytes, key.mv_data, OD_KEY_OBJECT_BYTES);
    code = mdb_cursor_open(write->txn, write->env->data, &rows);
    if (code != 0)
        return code;
    bool is_swept = false;
    code = sweep_run(write, rows, &run, swept, &is_swept);
    mdb_cursor_close(rows);
    if (code == 0 && is_swept)
        code = od_write_look(write, write->env->trash, (MDB_val){run.size, run.bytes});
    if (code == 0 && is_swept)
        code = mdb_cursor_del(trash, 0);
    if (code == 0 && is_swept)
        *is_empty = mdb_cursor_get(trash, &key, &value, MDB_FIRST) == MDB_NOTFOUND;
    return code;
}

int od_trash_sweep(struct od_write *write, uint64_t *swept, bool *is_empty)
{
    OD_ASSERT(write->txn != NULL);
    MDB_cursor *trash;
    *swept = 0;
    *is_empty = false;
    int code = mdb_cursor_open(write->txn, write->env->trash, &trash);
    if (code != 0)
        return code;
    code = sweep_first(write, trash, swept, is_empty);
    mdb_cursor_close(trash);
    if (code != MDB_NOTFOUND)
        return code;
    *is_empty = true;
    return 0;
}

struct sweeping {
    struct od_env *env;
    uint64_t swept;
    bool is_empty;
    bool is_over; // Otherwise damage ended it in the middle.
};

static int sweep_transaction(void *argument)
{
    struct sweeping *sweeping = argument;
    struct od_write write;
    int code = od_write_begin(&write, sweeping->env);
    if (code == 0) {
        code = od_trash_sweep(&write, &sweeping->swept, &sweeping->is_empty);
        if (code == 0)
            code = od_write_commit(&write);
        else
            od_write_abort(&write);
    }
    sweeping->is_over = true;
    return code;
}

int od_trash_sweep_once(struct od_env *env, uint64_t *swept, bool *is_empty)
{
    struct sweeping sweeping = {.env = env};
    int code = od_mapped_call(sweep_transaction, &sweeping);
    *swept = sweeping.swept;
    *is_empty = sweeping.is_empty;
    if (!sweeping.is_over || code == OD_ENV_BASE_DAMAGED)
        od_env_lose(env, code);
    return code;
}
