// storage:getAlarm, setAlarm, deleteAlarm: the one alarm of an object (object/alarm_event.h).

#include <math.h>

#include "api/storage.h"
#include "engine/instance.h"
#include "object/alarm_event.h"
#include "value/raise.h"

od_time_ms od_check_moment(lua_State *L, int index, const char *call, const char *what)
{
    double time_ms = ceil(lua_tonumber(L, index));
    if (isnan(time_ms))
        od_raise(L, "%s: %s must be a number of milliseconds since 1970, got NaN", call, what);
    if (time_ms <= 0)
        od_raise(L, "%s() cannot be called with an alarm time <= 0", call);
    // From 1970-01-12 to 1973 as milliseconds, from 2001 on as the seconds of os.time().
    if (time_ms >= 1e9 && time_ms < 1e11)
        od_raise(L,
                 "%s: %s (%.0f) looks like seconds, as of os.time(); it must be milliseconds since "
                 "1970, as in od.now() + 10000",
                 call, what, time_ms);
    if (time_ms > OD_ALARM_TIME_MAX)
        od_raise(L, "%s: %s is further away than any date (%g ms)", call, what, OD_ALARM_TIME_MAX);
    return (od_time_ms)time_ms;
}

static od_time_ms check_time(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TNUMBER)
        od_raise_argument(L, 2, "setAlarm", "a number of milliseconds since 1970 (od.now())");
    return od_check_moment(L, 2, "setAlarm", "argument 1");
}

static void check_handler(lua_State *L, const struct od_object *object)
{
    const struct od_instance *instance = object->instance;
    if (instance->class->handlers[OD_HANDLER_ALARM] == LUA_NOREF)
        od_raise(L, "Your Durable Object class must have an alarm() handler in order to call "
                    "setAlarm()");
}

static int set_alarm(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "setAlarm");
    struct od_error err;
    od_time_ms time_ms = check_time(L);
    bool unconfirmed = od_check_unconfirmed(L, 3, "setAlarm");
    check_handler(L, object);
    if (!od_object_set_alarm(object, time_ms, unconfirmed, &err))
        od_raise(L, "setAlarm: %s", err.text);
    return 0;
}

static int get_alarm(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "getAlarm");
    struct od_error err;
    od_time_ms time_ms;
    od_check_unconfirmed(L, 2, "getAlarm");
    if (od_object_alarm(object, &time_ms))
        lua_pushnumber(L, (lua_Number)time_ms);
    else if (od_storage_has_failed(&object->storage, &err))
        od_raise(L, "getAlarm: %s", err.text);
    else
        lua_pushnil(L);
    return 1;
}

static int delete_alarm(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "deleteAlarm");
    struct od_error err;
    bool unconfirmed = od_check_unconfirmed(L, 2, "deleteAlarm");
    if (!od_object_delete_alarm(object, unconfirmed, &err))
        od_raise(L, "deleteAlarm: %s", err.text);
    return 0;
}

const luaL_Reg od_storage_alarm_methods[] = {
    {"setAlarm", set_alarm}, {"getAlarm", get_alarm}, {"deleteAlarm", delete_alarm}, {NULL, NULL}};
