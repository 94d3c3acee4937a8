#include "store/write.h"

#include "base/bytes.h"
#include "base/cursor.h"
#include "store/mapped.h"

// --- Looking first -------------------------------------------------------------------------------

static od_slice name_of(const struct od_env *env, MDB_dbi table)
{
    const struct {
        MDB_dbi table;
        od_slice name;
    } tables[] = {
        {env->data, OD_SLICE("data")},   {env->directory, OD_SLICE("directory")},
        {env->trash, OD_SLICE("trash")}, {env->alarms, OD_SLICE("alarms")},
        {env->meta, OD_SLICE("meta")},
    };
    size_t i = 0;
    while (tables[i].table != table) {
        i++;
        OD_ASSERT(i < sizeof tables / sizeof *tables);
    }
    return tables[i].name;
}

struct looking {
    struct od_write *write;
    MDB_dbi table;
    od_slice key;
    bool with_neighbours;
};

static int look(void *argument)
{
    const struct looking *looking = argument;
    struct od_write *write = looking->write;
    return od_footing_is_sound(&write->footing, name_of(write->env, looking->table), looking->key,
                               looking->with_neighbours)
               ? 0
               : MDB_CORRUPTED;
}

static int look_at(struct od_write *write, MDB_dbi table, MDB_val key, bool with_neighbours)
{
    struct looking looking = {write, table, od_env_slice(key), with_neighbours};
    return od_mapped_call(look, &looking);
}

int od_write_look(struct od_write *write, MDB_dbi table, MDB_val key)
{
    return look_at(write, table, key, true);
}

static int get_committed(struct od_write *write, MDB_dbi table, MDB_val key, MDB_val *value)
{
    OD_ASSERT(write->txn == NULL);
    od_slice found;
    if (!od_footing_get(&write->footing, name_of(write->env, table), od_env_slice(key), &found))
        return MDB_CORRUPTED;
    *value = od_env_value(found);
    return found.at == NULL ? MDB_NOTFOUND : 0;
}

int od_write_get(struct od_write *write, MDB_dbi table, MDB_val key, MDB_val *value)
{
    if (write->txn == NULL)
        return get_committed(write, table, key, value);
    int code = look_at(write, table, key, false);
    return code == 0 ? mdb_get(write->txn, table, &key, value) : code;
}

int od_write_put(struct od_write *write, MDB_dbi table, MDB_val key, MDB_val value)
{
    int code = look_at(write, table, key, false);
    return code == 0 && write->txn != NULL ? mdb_put(write->txn, table, &key, &value, 0) : code;
}

int od_write_delete(struct od_write *write, MDB_dbi table, MDB_val key)
{
    int code = look_at(write, table, key, true);
    return code == 0 && write->txn != NULL ? mdb_del(write->txn, table, &key, NULL) : code;
}

// --- The transaction -----------------------------------------------------------------------------

static int load_counter(struct od_write *write)
{
    MDB_val stored, key = od_env_value(OD_SLICE("next number"));
    int code = od_write_get(write, write->env->meta, key, &stored);
    if (code == MDB_NOTFOUND)
        return 0;
    struct od_cursor cursor = od_cursor_of(code == 0 ? od_env_slice(stored) : (od_slice){NULL, 0});
    write->next_number = od_cursor_u64(&cursor);
    bool is_sound = !cursor.failed && write->next_number != 0;
    return code == 0 && !is_sound ? MDB_CORRUPTED : code;
}

static int store_counter(struct od_write *write)
{
    OD_ASSERT(write->txn != NULL);
    OD_ASSERT(write->next_number > 1);
    struct od_bytes bytes = {NULL, 0, 0};
    od_bytes_put_u64(&bytes, write->next_number);
    MDB_val key = od_env_value(OD_SLICE("next number"));
    int code = od_write_put(write, write->env->meta, key, od_env_value(od_bytes_slice(&bytes)));
    od_bytes_deinit(&bytes);
    return code;
}

struct beginning {
    struct od_write *write;
    uint64_t committed;
};

static int begin_footing(void *argument)
{
    const struct beginning *beginning = argument;
    struct od_write *write = beginning->write;
    const struct od_env *env = write->env;
    bool is_sound = od_footing_begin(&write->footing, env->map, env->page_bytes, env->map_bytes,
                                     beginning->committed);
    return is_sound ? load_counter(write) : MDB_CORRUPTED;
}

int od_write_rehearse(struct od_write *write, struct od_env *env, uint64_t committed,
                      uint64_t changes)
{
    struct beginning beginning = {write, committed};
    OD_ASSERT(write->txn == NULL);
    OD_ASSERT(committed > 0);
    if (write->footing.map == env->map && write->footing.committed == committed)
        return 0;
    write->env = env;
    write->next_number = 1;
    write->gave_numbers = false;
    int code = od_mapped_call(begin_footing, &beginning);
    write->footing.changes += changes;
    if (code != 0)
        od_write_forget(write);
    return od_env_is_damage(code) ? OD_ENV_BASE_DAMAGED : code;
}

void od_write_forget(struct od_write *rehearsal)
{
    OD_ASSERT(rehearsal->txn == NULL);
    rehearsal->footing.map = NULL;
}

int od_write_begin(struct od_write *write, struct od_env *env)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(env->lmdb, NULL, 0, &txn);
    if (code != 0)
        return code;
    *write = (struct od_write){.env = env, .txn = txn, .next_number = 1};
    struct beginning beginning = {write, mdb_txn_id(txn) - 1};
    code = od_mapped_call(begin_footing, &beginning);
    if (code != 0)
        od_write_abort(write);
    return od_env_is_damage(code) ? OD_ENV_BASE_DAMAGED : code;
}

uint64_t od_write_number(struct od_write *write)
{
    OD_ASSERT(write->next_number != 0);
    write->gave_numbers = true;
    return write->next_number++;
}

int od_write_commit(struct od_write *write)
{
    OD_ASSERT(write->txn != NULL); // A rehearsal is not ended.
    int code = write->gave_numbers ? store_counter(write) : 0;
    if (code != 0) {
        od_write_abort(write);
        return code;
    }
    code = mdb_txn_commit(write->txn); // Frees the transaction also when it fails.
    write->txn = NULL;
    write->env->commits++;
    return code;
}

void od_write_abort(struct od_write *write)
{
    OD_ASSERT(write->txn != NULL);
    mdb_txn_abort(write->txn);
    write->txn = NULL;
}
