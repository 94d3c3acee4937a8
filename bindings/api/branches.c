#include "api/branches.h"

#include <lauxlib.h>

#include "engine/embedded.h"
#include "engine/engine.h"
#include "object/branch.h"
#include "object/limits.h"
#include "object/section.h"
#include "value/raise.h"

static void check_keys(lua_State *L, int index, const char *call, size_t count)
{
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        lua_Number key = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;
        if (!(key >= 1 && key <= (lua_Number)count) || key != (lua_Number)(size_t)key)
            od_raise(L, "%s: takes a list of functions, { f, g, ... }; this has %s as a key", call,
                     od_describe(L, -2));
    }
}

static void check_functions(lua_State *L, int index, const char *call)
{
    if (!lua_istable(L, index))
        od_raise(L, "%s: argument 1 must be a list of functions, got %s", call,
                 od_describe(L, index));
    size_t count = lua_objlen(L, index);
    if (count > OD_BRANCHES_MAX)
        od_raise(L, "%s: %zu functions are more than %d", call, count, OD_BRANCHES_MAX);
    check_keys(L, index, call, count);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, index, (int)i);
        if (!lua_isfunction(L, -1))
            od_raise(L, "%s: item %zu must be a function, got %s", call, i, od_describe(L, -1));
        lua_pop(L, 1);
    }
}

// check(functions, call): raises unless they can be run now.
static int check(lua_State *L)
{
    const char *call = luaL_checkstring(L, 2);
    check_functions(L, 1, call);
    od_wait_prepare(L, call);
    if (od_section_is_inside(od_engine_of(L)->task))
        od_raise(L,
                 "%s: cannot be used inside blockConcurrencyWhile or a transaction, where nothing "
                 "else of the object runs; call it before",
                 call);
    return 0;
}

// wait(functions, races): waits until all have ended, or one has decided.
static int wait(lua_State *L)
{
    struct od_wait *wait = od_wait_prepare(L, "all");
    wait->races = lua_toboolean(L, 2);
    lua_settop(L, 1);
    lua_rawseti(L, LUA_REGISTRYINDEX, od_engine_of(L)->branches_ref);
    return od_wait_yield(L, OD_WAIT_BRANCHES);
}

// decide(): the branch that runs has settled what is waited for.
static int decide(lua_State *L)
{
    od_branch_decide(od_engine_of(L)->task);
    return 0;
}

void od_lib_branches_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"check", check}, {"wait", wait}, {"decide", decide}, {NULL, NULL}};
    static const char *const names[] = {"all", "allSettled", "race"};
    od_embedded_put_native(L, "branches", functions);
    od_embedded_push(L, "engine.branches");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        lua_getfield(L, -1, names[i]);
        od_embedded_put_runtime(L, names[i]);
    }
    lua_pop(L, 1);
}
