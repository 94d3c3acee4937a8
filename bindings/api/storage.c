#include "api/storage.h"

#include <string.h>

#include <lauxlib.h>

#include "api/sql.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "engine/instance.h"
#include "object/limits.h"
#include "object/rewind.h"
#include "object/transaction.h"
#include "object/wish.h"
#include "value/raise.h"
#include "value/value.h"

struct content {
    od_handle instance;
};

void od_storage_push(lua_State *L, od_handle instance)
{
    struct content *content = od_userdata_push(L, OD_USERDATA_STORAGE, sizeof *content);
    content->instance = instance;
}

void od_txn_raise_over(lua_State *L, const char *call)
{
    od_raise(L,
             "Cannot call %s() on transaction that has already committed: did you move `txn` "
             "outside of the closure?",
             call);
}

static struct od_object *object_of(lua_State *L, const struct od_txn *txn, const char *call)
{
    struct od_object *object = od_instance_object(L, txn->instance, call);
    enum od_transaction_state state = od_transaction_state(object, txn->number);
    if (state == OD_TRANSACTION_OVER)
        od_txn_raise_over(L, call);
    if (state == OD_TRANSACTION_ROLLED_BACK)
        od_raise(L, "Cannot %s() on rolled back transaction", call);
    return object;
}

struct od_object *od_storage_self(lua_State *L, const char *call)
{
    const struct content *content = od_userdata_test(L, 1, OD_USERDATA_STORAGE);
    const struct od_txn *txn =
        content == NULL ? od_userdata_test(L, 1, OD_USERDATA_TRANSACTION) : NULL;
    if (txn != NULL)
        return object_of(L, txn, call);
    if (content == NULL)
        content = od_userdata_self(L, OD_USERDATA_STORAGE, call); // Which raises.
    return od_instance_object(L, content->instance, call);
}

// --- Keys and values ----------------------------------------------------------------------------

od_slice od_check_key(lua_State *L, int index, const char *call, const char *what)
{
    if (lua_type(L, index) != LUA_TSTRING)
        od_raise(L, "%s: %s must be a string, got %s", call, what, od_describe(L, index));
    od_slice key;
    key.at = lua_tolstring(L, index, &key.size);
    if (key.size > OD_KEY_BYTES_MAX)
        od_raise(L, "Keys cannot be larger than %d bytes. A key of size %zu was provided.",
                 OD_KEY_BYTES_MAX, key.size);
    return key;
}

// How many keys the array at [index] has.
static int check_count(lua_State *L, int index)
{
    size_t count = lua_objlen(L, index);
    if (count > OD_KEYS_A_CALL_MAX)
        od_raise(L, "Maximum number of keys is %d. %zu keys were provided.", OD_KEYS_A_CALL_MAX,
                 count);
    return (int)count;
}

static od_slice check_key_at(lua_State *L, int index, int place, const char *call)
{
    lua_rawgeti(L, index, place);
    return od_check_key(L, -1, call, "every key in the array");
}

// Behind what is in [out]. The size is wanted for the message, so more is encoded than is allowed.
static void encode_value(lua_State *L, int index, od_slice key, struct od_bytes *out)
{
    struct od_error err;
    size_t before = out->size;
    if (!od_value_encode(L, index, out, OD_CALL_BYTES_MAX, &err))
        od_raise(L, "put: the value of '%.*s': %s", (int)key.size, key.at, err.text);
    if (out->size - before > OD_VALUE_BYTES_MAX)
        od_raise(L, "Values cannot be larger than %u bytes. A value of size %zu was provided.",
                 OD_VALUE_BYTES_MAX, out->size - before);
}

void od_stored_push(lua_State *L, od_slice key, od_slice value, const char *call)
{
    struct od_error err;
    if (!od_value_decode(L, value, &err))
        od_raise(L, "%s: the stored value of '%.*s' cannot be read: %s", call, (int)key.size,
                 key.at, err.text);
}

// The options of a write; [index] is where they are. Reading knows some that say nothing here.
bool od_check_unconfirmed(lua_State *L, int index, const char *call)
{
    static const char *const names[] = {"allowUnconfirmed", "allowConcurrency", "noCache", NULL};
    if (!od_check_options(L, index, call))
        return false;
    od_check_option_names(L, index, call, names);
    return od_option_flag(L, index, call, "allowUnconfirmed");
}

static OD_NORETURN void raise_key_type(lua_State *L, const char *call)
{
    od_raise_argument(L, 2, call, "a string or a table");
}

// --- get ----------------------------------------------------------------------------------------

static bool push_stored(lua_State *L, struct od_object *object, od_slice key)
{
    od_slice value;
    struct od_error err;
    if (!od_storage_get(&object->storage, key, &value)) {
        if (od_storage_has_failed(&object->storage, &err))
            od_raise(L, "get: %s", err.text);
        return false;
    }
    od_stored_push(L, key, value, "get");
    return true;
}

// Missing keys are missing in the result.
static int get_many(lua_State *L, struct od_object *object)
{
    int count = check_count(L, 2);
    OD_ASSERT(count >= 0 && count <= OD_KEYS_A_CALL_MAX);
    lua_createtable(L, 0, count);
    int result = lua_gettop(L);
    for (int i = 1; i <= count; i++) {
        od_slice key = check_key_at(L, 2, i, "get");
        if (push_stored(L, object, key))
            lua_rawset(L, result);
        else
            lua_pop(L, 1);
    }
    return 1;
}

static int get(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "get");
    od_check_unconfirmed(L, 3, "get");
    if (lua_istable(L, 2))
        return get_many(L, object);
    if (lua_type(L, 2) != LUA_TSTRING)
        raise_key_type(L, "get");
    if (!push_stored(L, object, od_check_key(L, 2, "get", "argument 1")))
        lua_pushnil(L);
    return 1;
}

// --- put ----------------------------------------------------------------------------------------

struct pairs {
    size_t count;
    struct {
        od_slice key;
        size_t offset; // Of the encoded value.
        size_t size;
    } at[OD_KEYS_A_CALL_MAX];
};

static void encode_pair(lua_State *L, struct pairs *pairs, struct od_bytes *values)
{
    od_slice key = od_check_key(L, -2, "put", "every key in the table");
    OD_ASSERT(pairs->count < OD_KEYS_A_CALL_MAX);
    size_t offset = values->size;
    encode_value(L, lua_gettop(L), key, values);
    if (values->size > OD_STORE_BATCH_BYTES_MAX)
        od_raise(L, "put: the values of one call cannot be larger than %u bytes together",
                 OD_STORE_BATCH_BYTES_MAX);
    pairs->at[pairs->count].key = key;
    pairs->at[pairs->count].offset = offset;
    pairs->at[pairs->count].size = values->size - offset;
    pairs->count++;
}

static size_t count_pairs(lua_State *L, int index)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        count++;
    return count;
}

static void encode_pairs(lua_State *L, int index, struct pairs *pairs, struct od_bytes *values)
{
    size_t count = count_pairs(L, index);
    if (count > OD_KEYS_A_CALL_MAX)
        od_raise(L, "Maximum number of key value pairs is %d. %zu pairs were provided.",
                 OD_KEYS_A_CALL_MAX, count);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        encode_pair(L, pairs, values);
}

// All of them or, when the batch would get too long, none.
static bool write_pairs(struct od_storage *storage, const struct pairs *pairs,
                        const struct od_bytes *values, bool unconfirmed, struct od_error *err)
{
    uint64_t mark = od_storage_mark(storage);
    for (size_t i = 0; i < pairs->count; i++) {
        od_slice value = {values->at + pairs->at[i].offset, pairs->at[i].size};
        OD_ASSERT(pairs->at[i].offset + pairs->at[i].size <= values->size);
        if (!od_storage_put(storage, pairs->at[i].key, value, unconfirmed, err)) {
            od_storage_rollback(storage, mark);
            return false;
        }
    }
    return true;
}

static int put_many(lua_State *L, struct od_object *object)
{
    struct od_bytes *values = od_engine_scratch(od_engine_of(L));
    struct pairs pairs;
    struct od_error err;
    pairs.count = 0;
    bool unconfirmed = od_check_unconfirmed(L, 3, "put");
    encode_pairs(L, 2, &pairs, values);
    if (!write_pairs(&object->storage, &pairs, values, unconfirmed, &err))
        od_raise(L, "put: %s", err.text);
    return 0;
}

static int put(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "put");
    if (lua_istable(L, 2))
        return put_many(L, object);
    if (lua_type(L, 2) != LUA_TSTRING)
        raise_key_type(L, "put");
    od_slice key = od_check_key(L, 2, "put", "argument 1");
    if (lua_isnoneornil(L, 3))
        od_raise(L, "put() called with undefined value (nil); storage:delete removes a key");
    bool unconfirmed = od_check_unconfirmed(L, 4, "put");
    struct od_bytes *value = od_engine_scratch(od_engine_of(L));
    struct od_error err;
    encode_value(L, 3, key, value);
    if (!od_storage_put(&object->storage, key, od_bytes_slice(value), unconfirmed, &err))
        od_raise(L, "put: %s", err.text);
    return 0;
}

// For compiled code (lua/engine/put.lua), which goes on in Lua: it may not raise. False: nothing
// was done, and put is to be called.
static bool try_to_put(struct od_engine *engine, void *self, const char *key, size_t key_size,
                       const char *text, size_t size)
{
    const struct content *content = od_userdata_content(self, OD_USERDATA_STORAGE);
    struct od_object *object =
        content == NULL ? NULL : od_instance_running(engine, content->instance);
    if (object == NULL || key_size > OD_KEY_BYTES_MAX || size > OD_VALUE_BYTES_MAX)
        return false;
    struct od_bytes *value = od_engine_scratch(engine);
    struct od_error err;
    od_value_encode_string(value, (od_slice){text, size});
    return value->size <= OD_VALUE_BYTES_MAX &&
           od_storage_put(&object->storage, (od_slice){key, key_size}, od_bytes_slice(value), false,
                          &err);
}

// --- delete -------------------------------------------------------------------------------------

static bool delete_key(lua_State *L, struct od_object *object, od_slice key, bool unconfirmed)
{
    bool existed;
    struct od_error err;
    if (!od_storage_delete(&object->storage, key, unconfirmed, &existed, &err))
        od_raise(L, "delete: %s", err.text);
    return existed;
}

static int delete_many(lua_State *L, struct od_object *object, bool unconfirmed)
{
    int count = check_count(L, 2);
    int existed = 0;
    for (int i = 1; i <= count; i++, lua_pop(L, 1)) // All keys are checked before one is deleted.
        check_key_at(L, 2, i, "delete");
    for (int i = 1; i <= count; i++, lua_pop(L, 1))
        existed += delete_key(L, object, check_key_at(L, 2, i, "delete"), unconfirmed);
    lua_pushinteger(L, existed);
    return 1;
}

static int delete (lua_State *L)
{
    struct od_object *object = od_storage_self(L, "delete");
    bool unconfirmed = od_check_unconfirmed(L, 3, "delete");
    if (lua_istable(L, 2))
        return delete_many(L, object, unconfirmed);
    if (lua_type(L, 2) != LUA_TSTRING)
        raise_key_type(L, "delete");
    od_slice key = od_check_key(L, 2, "delete", "argument 1");
    lua_pushboolean(L, delete_key(L, object, key, unconfirmed));
    return 1;
}

static int delete_all(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "deleteAll");
    struct od_error err;
    bool unconfirmed = od_check_unconfirmed(L, 2, "deleteAll");
    if (object->work->transaction != NULL)
        od_raise(L, "Cannot call deleteAll() within a transaction");
    if (!od_rewind_delete_all(object, unconfirmed, &err))
        od_raise(L, "deleteAll: %s", err.text);
    od_wish_drop_ended(object);
    return 0;
}

// --- The rest -----------------------------------------------------------------------------------

static int sync_writes(lua_State *L)
{
    od_storage_self(L, "sync");
    od_wait_prepare(L, "sync");
    return od_wait_yield(L, OD_WAIT_SYNC);
}

static bool is_key(lua_State *L, const char *name)
{
    return lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), name) == 0;
}

static int property(lua_State *L)
{
    const struct content *content = od_userdata_test(L, 1, OD_USERDATA_STORAGE);
    if (is_key(L, "sql"))
        od_sql_push(L, content->instance);
    else if (is_key(L, "kv")) // Cloudflare's other name for the same.
        lua_pushvalue(L, 1);
    else
        return od_userdata_no_field(L);
    return 1;
}

static int is_same(lua_State *L)
{
    const struct content *a = od_userdata_test(L, 1, OD_USERDATA_STORAGE);
    const struct content *b = od_userdata_test(L, 2, OD_USERDATA_STORAGE);
    lua_pushboolean(L, a != NULL && b != NULL && a->instance.generation == b->instance.generation);
    return 1;
}

const luaL_Reg od_storage_value_methods[] = {
    {"get", get}, {"put", put}, {"delete", delete}, {NULL, NULL}};

void od_lib_storage_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"deleteAll", delete_all}, {"sync", sync_writes}, {NULL, NULL}};
    od_userdata_define(L, OD_USERDATA_STORAGE, methods, property);
    lua_pushcfunction(L, is_same);
    lua_setfield(L, -2, "__eq");
    lua_pop(L, 1);
    od_userdata_add_functions(L, OD_USERDATA_STORAGE, od_storage_value_methods);
    od_userdata_add_functions(L, OD_USERDATA_STORAGE, od_storage_alarm_methods);
    od_userdata_add_functions(L, OD_USERDATA_STORAGE, od_storage_schedule_methods);
    od_userdata_add_functions(L, OD_USERDATA_STORAGE, od_storage_bookmark_methods);
    od_storage_put_bookmarks(L);
    od_storage_put_list(L);
    od_embedded_put_native_try(L, "put", put, (void *)(uintptr_t)try_to_put, od_engine_of(L));
}
