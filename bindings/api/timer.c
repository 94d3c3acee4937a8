#include "api/timer.h"

#include <lauxlib.h>

#include "api/time.h"
#include "engine/engine.h"
#include "engine/instance.h"
#include "object/timeout.h"
#include "value/raise.h"

enum {
    arguments_max = 200 // Of a callback.
};

// --- The table of an instance, or of the entry ---------------------------------------------------
//
// number -> { function, arguments ...; n =, repeats = }

// Where that of [object] is referenced.
static int *place_of(struct od_engine *engine, const struct od_object *object)
{
    struct od_instance *instance = object->instance;
    OD_ASSERT(instance != NULL || od_object_is_entry(object));
    return od_object_is_entry(object) ? &engine->entry_timers_ref : &instance->timers_ref;
}

static void push_table(lua_State *L, const struct od_object *object)
{
    int *place = place_of(od_engine_of(L), object);
    if (*place == LUA_NOREF) {
        lua_newtable(L);
        *place = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, *place);
}

// Pops the value.
static void set_entry(lua_State *L, const struct od_object *object, uint64_t id)
{
    push_table(L, object);
    lua_insert(L, -2);
    lua_pushnumber(L, (lua_Number)id);
    lua_insert(L, -2);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static void push_entry(lua_State *L, const struct od_object *object, uint64_t id)
{
    push_table(L, object);
    lua_pushnumber(L, (lua_Number)id);
    lua_rawget(L, -2);
    lua_remove(L, -2);
}

// From the arguments of a call: function, milliseconds, and what the function is to get.
static void push_new_entry(lua_State *L, bool repeats)
{
    int top = lua_gettop(L);
    int count = top < 2 ? 1 : top - 1;
    lua_createtable(L, count, 2);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    for (int i = 2; i <= count; i++) {
        lua_pushvalue(L, i + 1);
        lua_rawseti(L, -2, i);
    }
    lua_pushinteger(L, count);
    lua_setfield(L, -2, "n");
    lua_pushboolean(L, repeats);
    lua_setfield(L, -2, "repeats");
}

// --- What scripts call ---------------------------------------------------------------------------

static struct od_object *object_for(lua_State *L, const char *call)
{
    struct od_object *object = od_engine_object(L, call);
    if (lua_type(L, 1) != LUA_TFUNCTION)
        od_raise(L, "%s: argument 1 must be a function, got %s", call, od_describe(L, 1));
    if (lua_gettop(L) - 2 > arguments_max)
        od_raise(L, "%s: at most %d arguments can be kept for the function", call, arguments_max);
    if (object->timeout_count >= OD_TIMEOUTS_MAX)
        od_raise(L, "%s: the object has %d timers, which is the limit", call, OD_TIMEOUTS_MAX);
    return object;
}

// Code of the entry that has been replaced: its timers went with it, and so would this one.
static bool is_outdated_entry(lua_State *L, const struct od_object *object)
{
    return od_object_is_entry(object) && object->objects->script != &od_engine_of(L)->script;
}

static int set(lua_State *L, const char *call, bool repeats)
{
    struct od_object *object = object_for(L, call);
    bool is_at_once = lua_isnoneornil(L, 2) && !repeats;
    od_time_ms ms = is_at_once ? 0 : od_check_ms(L, 2, call, repeats ? 1 : 0);
    uint64_t id = ++object->objects->next_number;
    if (!is_outdated_entry(L, object)) {
        push_new_entry(L, repeats);
        set_entry(L, object, id);
        od_timeout_set(object, id, ms, repeats);
    }
    lua_pushnumber(L, (lua_Number)id);
    return 1;
}

static int set_timeout(lua_State *L)
{
    return set(L, "setTimeout", false);
}

static int set_interval(lua_State *L)
{
    return set(L, "setInterval", true);
}

// A number that is no timer (any more) is no mistake.
static int clear(lua_State *L, const char *call)
{
    struct od_object *object = od_engine_object(L, call);
    if (lua_isnoneornil(L, 1))
        return 0;
    if (lua_type(L, 1) != LUA_TNUMBER)
        od_raise(L, "%s: argument 1 must be a timer, which is a number, got %s", call,
                 od_describe(L, 1));
    double id = lua_tonumber(L, 1);
    if (!(id >= 1 && id < 0x1p53) || is_outdated_entry(L, object))
        return 0;
    lua_pushnil(L);
    set_entry(L, object, (uint64_t)id);
    od_timeout_clear(object, (uint64_t)id);
    return 0;
}

static int clear_timeout(lua_State *L)
{
    return clear(L, "clearTimeout");
}

static int clear_interval(lua_State *L)
{
    return clear(L, "clearInterval");
}

void od_lib_timer_put(lua_State *L)
{
    static const luaL_Reg functions[] = {{"setTimeout", set_timeout},
                                         {"clearTimeout", clear_timeout},
                                         {"setInterval", set_interval},
                                         {"clearInterval", clear_interval},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}

// --- When it is due ------------------------------------------------------------------------------

bool od_timer_push_function(lua_State *L, const struct od_task *task)
{
    push_entry(L, task->object, task->event->timer);
    if (lua_type(L, -1) != LUA_TTABLE) {
        lua_pop(L, 1);
        return false;
    }
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
    return true;
}

int od_timer_push_arguments(lua_State *L, const struct od_task *task)
{
    push_entry(L, task->object, task->event->timer);
    int entry = lua_gettop(L);
    lua_getfield(L, entry, "n");
    int count = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    bool has_room = lua_checkstack(L, count);
    OD_ASSERT(has_room);
    for (int i = 2; i <= count; i++)
        lua_rawgeti(L, entry, i);
    lua_remove(L, entry);
    return count - 1;
}

static bool repeats(lua_State *L, int entry)
{
    if (lua_type(L, entry) != LUA_TTABLE)
        return false;
    lua_getfield(L, entry, "repeats");
    bool is_true = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return is_true;
}

void od_timer_ended(lua_State *L, const struct od_task *task)
{
    push_entry(L, task->object, task->event->timer);
    bool stays = repeats(L, lua_gettop(L));
    lua_pop(L, 1);
    if (stays)
        return;
    lua_pushnil(L);
    set_entry(L, task->object, task->event->timer);
}

void od_timers_drop(lua_State *L, struct od_instance *instance)
{
    luaL_unref(L, LUA_REGISTRYINDEX, instance->timers_ref);
    instance->timers_ref = LUA_NOREF;
}
