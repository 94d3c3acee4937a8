#include "api/state.h"

#include "api/namespace.h"
#include "api/storage.h"
#include "engine/engine.h"
#include "engine/freeze.h"
#include "object/branch.h"
#include "value/raise.h"

struct state {
    od_handle handle; // `id` and `storage` are in the userdata's environment.
};

struct od_object *od_state_self(lua_State *L, const char *call)
{
    const struct state *state = od_userdata_self(L, OD_USERDATA_STATE, call);
    return od_instance_object(L, state->handle, call);
}

void od_state_push(lua_State *L, const struct od_instance *instance)
{
    struct state *state = od_userdata_push(L, OD_USERDATA_STATE, sizeof *state);
    state->handle = instance->handle;
    lua_createtable(L, 0, 2);
    od_id_push_object(L, instance->object);
    lua_setfield(L, -2, "id");
    od_storage_push(L, instance->handle);
    lua_setfield(L, -2, "storage");
    lua_setfenv(L, -2);
}

static int property(lua_State *L)
{
    od_userdata_self(L, OD_USERDATA_STATE, "__index");
    lua_getfenv(L, 1);
    lua_pushvalue(L, 2);
    lua_rawget(L, -2);
    return lua_isnil(L, -1) ? od_userdata_no_field(L) : 1;
}

// --- Time limits
// -----------------------------------------------------------------------------------

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

// --- After the event, and the end
// --------------------------------------------------------------------

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

// --- Opening
// -----------------------------------------------------------------------------------------

void od_context_push(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, context_wait_until);
    lua_setfield(L, -2, "waitUntil");
    od_freeze(L, "ctx");
}

void od_lib_state_open(lua_State *L)
{
    static const luaL_Reg methods[] = {{"abort", abort_object},
                                       {"waitUntil", wait_until},
                                       {"setHibernatableWebSocketEventTimeout", set_event_timeout},
                                       {"getHibernatableWebSocketEventTimeout", get_event_timeout},
                                       {NULL, NULL}};
    od_userdata_define(L, OD_USERDATA_STATE, methods, property);
    lua_pop(L, 1);
    od_userdata_add_functions(L, OD_USERDATA_STATE, od_state_socket_methods);
}
