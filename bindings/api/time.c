#include "api/time.h"

#include <math.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "engine/wait.h"
#include "value/raise.h"

static int now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)od_clock_wall_ms());
    return 1;
}

int64_t od_check_ms(lua_State *L, int index, const char *call, int ms_min)
{
    bool is_number = lua_type(L, index) == LUA_TNUMBER;
    double ms = is_number ? lua_tonumber(L, index) : -1;
    if (!(ms >= ms_min && ms <= OD_SLEEP_MS_MAX))
        od_raise(L, "%s: argument %d must be a number of milliseconds from %d to %d, got %s", call,
                 index, ms_min, OD_SLEEP_MS_MAX,
                 is_number ? lua_tostring(L, index) : od_describe(L, index));
    return (int64_t)ceil(ms);
}

static int sleep_ms(lua_State *L)
{
    int64_t ms = od_check_ms(L, 1, "sleep", 0);
    od_wait_prepare(L, "sleep")->ms = ms;
    return od_wait_yield(L, OD_WAIT_SLEEP);
}

void od_lib_time_put(lua_State *L)
{
    static const luaL_Reg functions[] = {{"now", now}, {"sleep", sleep_ms}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
