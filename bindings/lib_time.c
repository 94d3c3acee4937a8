#include "lib_time.h"

#include <lauxlib.h>

#include "base/clock.h"
#include "raise.h"
#include "wait.h"

static int now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)od_clock_wall_ms());
    return 1;
}

static int sleep_ms(lua_State *L)
{
    double ms = lua_type(L, 1) == LUA_TNUMBER ? lua_tonumber(L, 1) : -1;
    if (!(ms >= 0 && ms <= OD_SLEEP_MS_MAX))
        od_raise(L, "sleep: argument 1 must be a number of milliseconds from 0 to %d, got %s",
                 OD_SLEEP_MS_MAX,
                 lua_type(L, 1) == LUA_TNUMBER ? lua_tostring(L, 1) : od_describe(L, 1));
    od_wait_prepare(L, "sleep")->ms = (int64_t)ms;
    return od_wait_yield(L, OD_WAIT_SLEEP);
}

void od_lib_time_put(lua_State *L)
{
    static const luaL_Reg functions[] = {{"now", now}, {"sleep", sleep_ms}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
