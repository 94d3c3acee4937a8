#include "store/directory.h"

#include <string.h>

#include "store/mapped.h"

struct directory_key {
    char bytes[2 + OD_ID_BYTES];
};

static struct directory_key key_of(const uint8_t id[OD_ID_BYTES])
{
    struct directory_key key;
    od_slot slot = od_slot_of_id(id);
    key.bytes[0] = (char)(slot >> 8);
    key.bytes[1] = (char)slot;
    memcpy(key.bytes + 2, id, OD_ID_BYTES);
    return key;
}

static int read_entry(MDB_val value, uint64_t *number, struct od_identity *identity)
{
    struct od_cursor cursor = od_cursor_of(od_env_slice(value));
    *number = od_cursor_u64(&cursor);
    od_identity_read(&cursor, identity);
    return cursor.failed || *number == 0 ? MDB_CORRUPTED : 0;
}

int od_directory_find(const struct od_env *env, MDB_txn *txn, const uint8_t id[OD_ID_BYTES],
                      uint64_t *number, struct od_identity *identity)
{
    struct directory_key key = key_of(id);
    MDB_val value, sought = {sizeof key.bytes, key.bytes};
    int code = mdb_get(txn, env->directory, &sought, &value);
    return code == 0 ? read_entry(value, number, identity) : code;
}

int od_directory_number(struct od_write *write, const uint8_t id[OD_ID_BYTES], uint64_t *number)
{
    struct od_identity identity;
    struct directory_key key = key_of(id);
    MDB_val value, sought = {sizeof key.bytes, key.bytes};
    int code = od_write_get(write, write->env->directory, sought, &value);
    return code == 0 ? read_entry(value, number, &identity) : code;
}

static int first_behind(MDB_cursor *at, od_slice after, MDB_val *key, MDB_val *value)
{
    if (after.size == 0)
        return mdb_cursor_get(at, key, value, MDB_FIRST);
    *key = od_env_value(after);
    int code = mdb_cursor_get(at, key, value, MDB_SET_RANGE);
    bool is_same = code == 0 && od_slice_equal(od_env_slice(*key), after);
    return is_same ? mdb_cursor_get(at, key, value, MDB_NEXT) : code;
}

int od_directory_walk(const struct od_env *env, MDB_txn *txn, od_slice after,
                      bool (*visit)(void *context, od_slice place,
                                    const struct od_identity *identity),
                      void *context)
{
    MDB_cursor *at;
    MDB_val key, value;
    int code = od_mapped_cursor_open(txn, env->directory, &at);
    if (code != 0)
        return code;
    for (code = first_behind(at, after, &key, &value); code == 0;
         code = mdb_cursor_get(at, &key, &value, MDB_NEXT)) {
        struct od_identity identity;
        struct od_cursor cursor = od_cursor_of(od_env_slice(value));
        (void)od_cursor_u64(&cursor);
        od_identity_read(&cursor, &identity);
        if (!cursor.failed && !visit(context, od_env_slice(key), &identity))
            break;
    }
    od_mapped_cursor_close(at);
    return code == MDB_NOTFOUND ? 0 : code;
}

struct of_space {
    od_slice space;
    struct od_bytes *identities;
};

static bool put_of_space(void *context, od_slice place, const struct od_identity *identity)
{
    const struct of_space *of = context;
    (void)place;
    if (od_slice_equal(identity->space, of->space))
        od_identity_put(of->identities, identity);
    return true;
}

int od_directory_list(const struct od_env *env, MDB_txn *txn, od_slice space,
                      struct od_bytes *identities)
{
    struct of_space of = {space, identities};
    return od_directory_walk(env, txn, (od_slice){"", 0}, put_of_space, &of);
}

int od_directory_put(struct od_write *write, uint64_t number, const struct od_identity *identity)
{
    OD_ASSERT(number != 0);
    struct od_bytes bytes = {NULL, 0, 0};
    od_bytes_put_u64(&bytes, number);
    od_identity_put(&bytes, identity);
    struct directory_key key = key_of(identity->id);
    MDB_val at = {sizeof key.bytes, key.bytes};
    int code = od_write_put(write, write->env->directory, at, od_env_value(od_bytes_slice(&bytes)));
    od_bytes_deinit(&bytes);
    return code;
}

int od_directory_remove(struct od_write *write, const uint8_t id[OD_ID_BYTES])
{
    struct directory_key key = key_of(id);
    MDB_val at = {sizeof key.bytes, key.bytes};
    return od_write_delete(write, write->env->directory, at);
}
