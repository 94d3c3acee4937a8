#include "api/log.h"

#include <lauxlib.h>

#include "base/log.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "engine/freeze.h"

// Replaces the value at [index] by how it reads (lua/engine/show.lua).
static void make_text(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TSTRING)
        return;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, index);
    lua_call(L, 1, 1);
    if (!lua_isstring(L, -1))
        luaL_error(L, "'tostring' must return a string");
    lua_replace(L, index);
}

// All texts are made before the first byte is gathered: a __tostring is code of the script.
static int log_arguments(lua_State *L)
{
    enum od_log_level level = (enum od_log_level)lua_tointeger(L, lua_upvalueindex(2));
    if (!od_log_is_on(level))
        return 0;
    int count = lua_gettop(L);
    for (int i = 1; i <= count; i++)
        make_text(L, i);
    struct od_engine *engine = od_engine_of(L);
    struct od_bytes *line = od_engine_scratch(engine);
    for (int i = 1; i <= count && line->size < OD_LOG_LINE_BYTES_MAX; i++) {
        od_slice text;
        text.at = lua_tolstring(L, i, &text.size);
        od_bytes_put_slice(line, i == 1 ? OD_SLICE("") : OD_SLICE("\t"));
        od_bytes_put(line, text.at,
                     text.size < OD_LOG_LINE_BYTES_MAX ? text.size : OD_LOG_LINE_BYTES_MAX);
    }
    od_slice label = od_slice_of(engine->task == NULL ? NULL : engine->task->object->label);
    od_log_slice(level, label, od_bytes_slice(line));
    return 0;
}

static void put_function(lua_State *L, const char *name, enum od_log_level level)
{
    od_embedded_push(L, "engine.show");
    lua_pushinteger(L, level);
    lua_pushcclosure(L, log_arguments, 2);
    lua_setfield(L, -2, name);
}

void od_lib_log_put(lua_State *L)
{
    lua_newtable(L);
    put_function(L, "debug", OD_LOG_DEBUG);
    put_function(L, "info", OD_LOG_INFO);
    put_function(L, "warn", OD_LOG_WARN);
    put_function(L, "error", OD_LOG_ERROR);
    od_freeze(L, "od.log");
    lua_setfield(L, -2, "log");
    put_function(L, "print", OD_LOG_INFO);
}
