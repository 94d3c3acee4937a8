#include "api/state.h"

#include "api/namespace.h"
#include "api/object_ref.h"
#include "api/storage.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "engine/freeze.h"
#include "object/branch.h"
#include "value/raise.h"

struct state {
    od_handle handle;
};

struct od_object *od_state_self(lua_State *L, const char *call)
{
    const struct state *state = od_userdata_self(L, OD_USERDATA_STATE, call);
    return od_instance_object(L, state->handle, call);
}

void od_state_push(lua_State *L, const struct od_instance *instance)
{
    struct state *state = od_userdata_push(L, OD_USERDATA_STATE, sizeof *state);
    *state = (struct state){.handle = instance->handle};
}

// `id` and `storage` are made when they are asked for, and kept for those objects only that asked
// last: many an instance wants neither, and the collector has to look at all userdata there are in
// one piece. Each place has two, of one instance.

enum part {
    PART_STORAGE,
    PART_ID,
    PART_COUNT,
};

static void clear_parts(lua_State *L, int table, int first)
{
    for (int part = 0; part < PART_COUNT; part++) {
        lua_pushnil(L);
        lua_rawseti(L, table, first + part);
    }
}

static void push_new_part(lua_State *L, od_handle handle, enum part part)
{
    if (part == PART_STORAGE)
        od_storage_push(L, handle);
    else
        od_id_push_object(L, od_instance_find(L, handle, "id")->object);
}

static int first_part(od_handle handle)
{
    return (int)(handle.place % OD_STATE_PARTS_KEPT) * PART_COUNT + 1;
}

static int push_part(lua_State *L, od_handle handle, enum part part)
{
    struct od_engine *engine = od_engine_of(L);
    od_handle *owner = &engine->parts_owners[handle.place % OD_STATE_PARTS_KEPT];
    int first = first_part(handle);
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->parts_ref);
    if (owner->generation != handle.generation)
        clear_parts(L, lua_gettop(L), first);
    *owner = handle;
    lua_rawgeti(L, -1, first + (int)part);
    if (!lua_isnil(L, -1))
        return 1;
    push_new_part(L, handle, part);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -4, first + (int)part);
    return 1;
}

static int property(lua_State *L)
{
    const struct state *state = od_userdata_self(L, OD_USERDATA_STATE, "__index");
    if (od_object_ref_is_key(L, "storage"))
        return push_part(L, state->handle, PART_STORAGE);
    if (od_object_ref_is_key(L, "id"))
        return push_part(L, state->handle, PART_ID);
    return od_userdata_no_field(L);
}

// For compiled code (lua/engine/parts.lua): where in the table of parts the [part] of [self] is, if
// it was kept; 0: the table has none of this instance.
static int find_part(const struct od_engine *engine, void *self, int part)
{
    const struct state *state = od_userdata_content(self, OD_USERDATA_STATE);
    OD_ASSERT(state != NULL); // Scripts cannot get at the function that asks.
    const od_handle *owner = &engine->parts_owners[state->handle.place % OD_STATE_PARTS_KEPT];
    return owner->generation == state->handle.generation ? first_part(state->handle) + part : 0;
}

// --- Time limits --------------------------------------------------------------------------------

static int set_event_timeout(lua_State *L)
{
    const char *call = "setHibernatableWebSocketEventTimeout";
    struct od_object *object = od_state_self(L, call);
    double ms = lua_isnoneornil(L, 2) ? 0 : od_check_number(L, 2, call);
    if (ms > OD_EVENT_TIMEOUT_MS_MAX)
        od_raise(L, "Event timeout should not exceed %d ms.", OD_EVENT_TIMEOUT_MS_MAX);
    if (ms < 0)
        od_raise(L, "%s: argument 1 must not be negative", call);
    od_object_set_event_timeout(object, (uint32_t)ms);
    return 0;
}

static int get_event_timeout(lua_State *L)
{
    const struct od_object *object = od_state_self(L, "getHibernatableWebSocketEventTimeout");
    if (object->event_timeout_ms == 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, (lua_Integer)object->event_timeout_ms);
    return 1;
}

// --- After the event, and the end ---------------------------------------------------------------

static int defer(lua_State *L)
{
    struct od_engine *engine = od_engine_of(L);
    od_check_function(L, 2, "waitUntil");
    od_engine_object(L, "waitUntil");
    lua_settop(L, 2);
    od_coroutine_defer(od_branch_root(engine->task)->thread, L);
    return 0;
}

static int wait_until(lua_State *L)
{
    od_state_self(L, "waitUntil");
    return defer(L);
}

// ctx.waitUntil(fn) and ctx:waitUntil(fn).
static int context_wait_until(lua_State *L)
{
    if (!lua_istable(L, 1)) {
        lua_pushnil(L);
        lua_insert(L, 1);
    }
    return defer(L);
}

int od_state_give_up(lua_State *L, const char *call, enum od_wait_kind kind,
                     const struct od_failure *why)
{
    struct od_object *object = od_engine_object(L, call);
    if (!lua_isyieldable(L)) {
        od_wait_give_up(object, kind, why);
        od_raise(L, "%.*s", (int)why->message.size, why->message.at);
    }
    struct od_wait *wait = od_wait_prepare(L, call);
    od_failure_put(&wait->bytes, why);
    return od_wait_yield(L, kind);
}

// retryAlarm says whether an alarm whose handler runs is tried again, as one that has failed.
static bool check_retry_alarm(lua_State *L, int index)
{
    static const char *const names[] = {"retryAlarm", NULL};
    if (!od_check_options(L, index, "abort"))
        return true;
    od_check_option_names(L, index, "abort", names);
    if (!od_option(L, index, "abort", "retryAlarm", LUA_TBOOLEAN))
        return true;
    bool retries = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return retries;
}

static int abort_object(lua_State *L)
{
    od_state_self(L, "abort");
    struct od_failure why = {.message =
                                 OD_SLICE("Application called abort() to reset Durable Object.")};
    if (!lua_isnoneornil(L, 2))
        why.message = od_check_string(L, 2, "abort");
    bool retries = check_retry_alarm(L, 3);
    return od_state_give_up(L, "abort", retries ? OD_WAIT_ABORT : OD_WAIT_ABORT_ALARM, &why);
}

// --- Opening ------------------------------------------------------------------------------------

void od_context_push(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, context_wait_until);
    lua_setfield(L, -2, "waitUntil");
    od_freeze(L, "ctx");
}

// Before lua/engine/parts.lua is loaded, which is made of it.
static void put_parts(lua_State *L)
{
    lua_createtable(L, OD_STATE_PARTS_KEPT * PART_COUNT, 0);
    lua_pushvalue(L, -1);
    od_engine_of(L)->parts_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    od_embedded_put_native_table(L, "parts_kept");
    lua_createtable(L, 0, PART_COUNT);
    lua_pushinteger(L, PART_STORAGE);
    lua_setfield(L, -2, "storage");
    lua_pushinteger(L, PART_ID);
    lua_setfield(L, -2, "id");
    od_embedded_put_native_table(L, "parts");
    od_embedded_put_native_try(L, "part", property, (void *)(uintptr_t)find_part, od_engine_of(L));
}

void od_lib_state_open(lua_State *L)
{
    static const luaL_Reg methods[] = {{"abort", abort_object},
                                       {"waitUntil", wait_until},
                                       {"setHibernatableWebSocketEventTimeout", set_event_timeout},
                                       {"getHibernatableWebSocketEventTimeout", get_event_timeout},
                                       {NULL, NULL}};
    put_parts(L);
    od_userdata_define(L, OD_USERDATA_STATE, methods, property);
    lua_pop(L, 1);
    od_userdata_add_functions(L, OD_USERDATA_STATE, od_state_socket_methods);
    od_embedded_put_native(L, "sockets", od_state_socket_functions);
}
