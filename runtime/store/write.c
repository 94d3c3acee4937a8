#include "store/write.h"

#include "base/bytes.h"
#include "base/cursor.h"

static int load_counter(struct od_write *write)
{
    MDB_val stored, key = od_env_value(OD_SLICE("next number"));
    int code = mdb_get(write->txn, write->env->meta, &key, &stored);
    if (code == MDB_NOTFOUND)
        return 0;
    struct od_cursor cursor = od_cursor_of(code == 0 ? od_env_slice(stored) : (od_slice){NULL, 0});
    write->next_number = od_cursor_u64(&cursor);
    bool is_wrong = cursor.failed || write->next_number == 0;
    return code == 0 && is_wrong ? MDB_CORRUPTED : code;
}

static int store_counter(struct od_write *write)
{
    struct od_bytes bytes = {NULL, 0, 0};
    od_bytes_put_u64(&bytes, write->next_number);
    MDB_val key = od_env_value(OD_SLICE("next number"));
    MDB_val value = od_env_value(od_bytes_slice(&bytes));
    int code = mdb_put(write->txn, write->env->meta, &key, &value, 0);
    od_bytes_deinit(&bytes);
    return code;
}

int od_write_begin(struct od_write *write, struct od_env *env)
{
    OD_ASSERT(env->is_writer);
    *write = (struct od_write){.env = env, .next_number = 1};
    int code = mdb_txn_begin(env->lmdb, NULL, 0, &write->txn);
    if (code != 0)
        return code;
    code = load_counter(write);
    if (code != 0)
        od_write_abort(write);
    return code;
}

uint64_t od_write_number(struct od_write *write)
{
    write->gave_numbers = true;
    return write->next_number++;
}

int od_write_commit(struct od_write *write)
{
    OD_ASSERT(write->txn != NULL);
    int code = write->gave_numbers ? store_counter(write) : 0;
    if (code == 0)
        return mdb_txn_commit(write->txn); // Frees the transaction also when it fails.
    od_write_abort(write);
    return code;
}

void od_write_abort(struct od_write *write)
{
    OD_ASSERT(write->txn != NULL);
    mdb_txn_abort(write->txn);
}
