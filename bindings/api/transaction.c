#include "api/transaction.h"

#include "api/storage.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "engine/error_report.h"
#include "engine/instance.h"
#include "object/transaction.h"
#include "value/raise.h"

// Rolling back twice is the same as once.
static int roll_back(lua_State *L)
{
    const struct od_txn *content = od_userdata_self(L, OD_USERDATA_TRANSACTION, "rollback");
    struct od_object *object = od_instance_object(L, content->instance, "rollback");
    enum od_transaction_state state = od_transaction_state(object, content->number);
    if (state == OD_TRANSACTION_OVER)
        od_txn_raise_over(L, "rollback");
    if (state == OD_TRANSACTION_ROLLED_BACK)
        return 0;
    if (od_transaction_has_inner(object, content->number))
        od_raise(L, "Cannot roll back an outer transaction while a nested transaction is still "
                    "running.");
    od_transaction_roll_back(object, content->number);
    return 0;
}

static int delete_all(lua_State *L)
{
    od_raise(L, "Cannot call deleteAll() within a transaction");
}

// --- native.transaction --------------------------------------------------------------------------

// begin(storage, fn): the number for the others, and `txn`.
static int begin(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "transaction");
    struct od_engine *engine = od_engine_of(L);
    od_check_function(L, 2, "transaction");
    const struct od_instance *instance = object->instance;
    OD_ASSERT(instance != NULL);
    struct od_txn *content = od_userdata_push(L, OD_USERDATA_TRANSACTION, sizeof *content);
    content->instance = instance->handle;
    content->number = 0;
    lua_pushnumber(L, 0); // What follows must not fail: there is room for both.
    content->number = od_transaction_begin(engine->task);
    if (content->number == 0)
        od_raise(L, "transaction() calls are nested too deeply.");
    lua_pushnumber(L, (lua_Number)content->number);
    lua_replace(L, -2);
    lua_insert(L, -2);
    return 2;
}

static uint64_t number_of(lua_State *L)
{
    return (uint64_t)lua_tonumber(L, 1);
}

static bool end(lua_State *L, bool keep, struct od_error *err)
{
    od_engine_object(L, "transaction");
    return od_transaction_end(od_engine_of(L)->task, number_of(L), keep, err);
}

// keep(number): its function has returned, perhaps from a coroutine that was kept for too long.
static int keep(lua_State *L)
{
    const struct od_object *object = od_engine_object(L, "transaction");
    bool has_inner = od_transaction_has_inner(object, number_of(L));
    struct od_error err;
    if (!end(L, true, &err))
        od_raise(L, "transaction: %s", err.text);
    if (has_inner)
        od_raise(L, "Cannot commit an outer transaction while a nested transaction is still "
                    "running.");
    return 0;
}

// drop(number): its function has failed.
static int drop(lua_State *L)
{
    struct od_error err;
    (void)end(L, false, &err); // Over already: as good.
    return 0;
}

// note_error(err): the handler of xpcall.
static int note_error(lua_State *L)
{
    od_error_report_note(L);
    return 1;
}

static int property(lua_State *L)
{
    return od_userdata_no_field(L);
}

void od_lib_transaction_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"rollback", roll_back}, {"deleteAll", delete_all}, {NULL, NULL}};
    static const luaL_Reg halves[] = {
        {"begin", begin}, {"keep", keep}, {"drop", drop}, {"note_error", note_error}, {NULL, NULL}};
    od_userdata_define(L, OD_USERDATA_TRANSACTION, methods, property);
    lua_pop(L, 1);
    od_userdata_add_functions(L, OD_USERDATA_TRANSACTION, od_storage_value_methods);
    od_userdata_add_functions(L, OD_USERDATA_TRANSACTION, od_storage_alarm_methods);
    od_userdata_add_functions(L, OD_USERDATA_TRANSACTION, od_storage_schedule_methods);
    od_embedded_put_native(L, "transaction", halves);
}
