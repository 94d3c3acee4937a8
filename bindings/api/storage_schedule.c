// storage:schedule, unschedule, schedules: the stored times of an object that have names
// (object/schedules.h).

#include <math.h>

#include "api/storage.h"
#include "engine/engine.h"
#include "engine/instance.h"
#include "link/invocation.h"
#include "object/schedules.h"
#include "value/raise.h"
#include "value/value.h"

static od_slice check_name(lua_State *L, const char *call)
{
    od_slice name = od_check_string(L, 2, call);
    if (name.size == 0 || name.size > OD_SCHEDULE_NAME_BYTES_MAX)
        od_raise(L, "%s: a name has 1 to %d bytes, not %zu", call, OD_SCHEDULE_NAME_BYTES_MAX,
                 name.size);
    if (!od_schedule_is_name(name))
        od_raise(L, "%s: a name cannot begin with a zero byte", call);
    return name;
}

static od_time_ms check_every(lua_State *L)
{
    double every_ms = lua_tonumber(L, -1);
    if (!(every_ms >= OD_SCHEDULE_EVERY_MS_MIN && every_ms <= OD_ALARM_TIME_MAX))
        od_raise(L,
                 "schedule: option 'every' must be milliseconds from %d to %.0f, got %s; "
                 "od.setInterval is for what comes more often, while the object is awake",
                 OD_SCHEDULE_EVERY_MS_MIN, OD_ALARM_TIME_MAX,
                 isnan(every_ms) ? "NaN" : lua_tostring(L, -1));
    return (od_time_ms)ceil(every_ms);
}

static od_slice string_on_top(lua_State *L) // The table of options keeps it.
{
    od_slice text;
    text.at = lua_tolstring(L, -1, &text.size);
    return text;
}

// Exactly one of `at`, `every` and `cron`.
static void check_when(lua_State *L, struct od_schedule *schedule, od_time_ms *at_ms)
{
    static const char *const names[] = {"at", "every", "cron", "zone", NULL};
    int count = 0;
    if (!lua_istable(L, 3))
        od_raise_argument(L, 3, "schedule",
                          "a table, like { at = ms }, { every = ms } or { cron = \"0 9 * * 1\" }");
    od_check_option_names(L, 3, "schedule", names);
    if (od_option(L, 3, "schedule", "at", LUA_TNUMBER)) {
        *at_ms = od_check_moment(L, -1, "schedule", "option 'at'");
        count++;
    }
    if (od_option(L, 3, "schedule", "every", LUA_TNUMBER)) {
        schedule->kind = OD_SCHEDULE_EVERY;
        schedule->every_ms = check_every(L);
        count++;
    }
    if (od_option(L, 3, "schedule", "cron", LUA_TSTRING)) {
        schedule->kind = OD_SCHEDULE_CRON;
        schedule->cron = string_on_top(L);
        schedule->zone = OD_SLICE("UTC");
        count++;
    }
    if (count != 1)
        od_raise(L, "schedule: argument 2 must have one of 'at', 'every' and 'cron', not %s",
                 count == 0 ? "none" : "several");
    if (!od_option(L, 3, "schedule", "zone", LUA_TSTRING))
        return;
    if (schedule->kind != OD_SCHEDULE_CRON)
        od_raise(L, "schedule: option 'zone' is only for 'cron'; other times are the same in all "
                    "zones");
    schedule->zone = string_on_top(L);
}

static od_slice check_method(lua_State *L, const struct od_object *object)
{
    const struct od_instance *instance = object->instance;
    if (lua_type(L, 4) != LUA_TSTRING)
        od_raise_argument(L, 4, "schedule", "the name of a method");
    od_slice method = od_check_string(L, 4, "schedule");
    if (method.size > OD_METHOD_BYTES_MAX || !od_class_push_own(L, instance->class, method))
        od_raise(L, "schedule: the class has no method '%s' that could be called", method.at);
    lua_pop(L, 1);
    return method;
}

// (storage, name, when, method, arguments...)
static int schedule(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "schedule");
    struct od_schedule new = {.kind = OD_SCHEDULE_AT};
    struct od_bytes *arguments = od_engine_scratch(od_engine_of(L));
    struct od_error err;
    od_time_ms at_ms = 0;
    if (lua_gettop(L) < 4)
        lua_settop(L, 4);
    int count = lua_gettop(L) - 4;
    od_slice name = check_name(L, "schedule");
    check_when(L, &new, &at_ms);
    new.method = check_method(L, object);
    if (!od_values_encode(L, 5, count, "argument", arguments, OD_CALL_BYTES_MAX, &err) ||
        !od_schedule_check(&new, &err))
        od_raise(L, "schedule: %s", err.text);
    if (arguments->size > OD_SCHEDULE_ARGUMENTS_BYTES_MAX)
        od_raise(L,
                 "schedule: the arguments are %zu bytes, and %d is the limit; put what is large "
                 "under a key",
                 arguments->size, OD_SCHEDULE_ARGUMENTS_BYTES_MAX);
    new.arguments = od_bytes_slice(arguments);
    if (!od_object_set_schedule(object, name, &new, at_ms, &err))
        od_raise(L, "schedule: %s", err.text);
    return 0;
}

static int unschedule(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "unschedule");
    struct od_error err;
    bool existed;
    if (!od_object_delete_schedule(object, check_name(L, "unschedule"), &existed, &err))
        od_raise(L, "unschedule: %s", err.text);
    lua_pushboolean(L, existed);
    return 1;
}

static void set_text(lua_State *L, const char *field, od_slice text)
{
    lua_pushlstring(L, text.at, text.size);
    lua_setfield(L, -2, field);
}

static void set_when(lua_State *L, const struct od_alarm *alarm, const struct od_schedule *schedule)
{
    if (schedule->kind == OD_SCHEDULE_AT) {
        lua_pushnumber(L, (lua_Number)alarm->time_ms);
        lua_setfield(L, -2, "at");
    } else if (schedule->kind == OD_SCHEDULE_EVERY) {
        lua_pushnumber(L, (lua_Number)schedule->every_ms);
        lua_setfield(L, -2, "every");
    } else {
        set_text(L, "cron", schedule->cron);
        set_text(L, "zone", schedule->zone);
    }
}

static void set_arguments(lua_State *L, od_slice name, const struct od_schedule *schedule)
{
    struct od_error err;
    int first = lua_gettop(L) + 1, count = od_values_decode(L, schedule->arguments, &err);
    if (count < 0)
        od_raise(L, "schedules: the arguments of '%.*s' cannot be read: %s", (int)name.size,
                 name.at, err.text);
    lua_createtable(L, count, 0);
    lua_insert(L, first);
    for (int i = count; i > 0; i--)
        lua_rawseti(L, first, i);
    lua_setfield(L, first - 1, "arguments");
}

static void push_one(lua_State *L, od_slice name, const struct od_alarm_row *row)
{
    struct od_schedule schedule;
    if (!od_schedule_read(row->body, &schedule))
        od_raise(L, "schedules: '%.*s' cannot be read", (int)name.size, name.at);
    lua_createtable(L, 0, 6);
    set_text(L, "name", name);
    set_when(L, &row->alarm, &schedule);
    lua_pushnumber(L, (lua_Number)row->alarm.time_ms);
    lua_setfield(L, -2, "time");
    set_text(L, "method", schedule.method);
    set_arguments(L, name, &schedule);
}

// An array by name.
static int schedules(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "schedules");
    struct od_bytes *alarms = od_engine_scratch(od_engine_of(L));
    struct od_error err;
    if (!od_storage_list_alarms(&object->storage, alarms, &err))
        od_raise(L, "schedules: %s", err.text);
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(alarms));
    lua_newtable(L);
    for (int count = 0; !od_cursor_at_end(&cursor);) {
        struct od_alarm_row row;
        od_slice name = od_cursor_string(&cursor);
        bool is_row = od_alarm_row_read(od_cursor_string(&cursor), &row);
        OD_ASSERT(is_row);
        if (!od_schedule_is_name(name))
            continue;
        push_one(L, name, &row);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

const luaL_Reg od_storage_schedule_methods[] = {
    {"schedule", schedule}, {"unschedule", unschedule}, {"schedules", schedules}, {NULL, NULL}};
