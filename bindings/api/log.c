#include "api/log.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/log.h"
#include "base/log_field.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "engine/freeze.h"
#include "object/task.h"
#include "value/json.h"

struct fields {
    struct od_bytes json;
    struct od_bytes shown; // For people: " user=7".
};

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

static od_slice text_at(lua_State *L, int index)
{
    od_slice text;
    text.at = lua_tolstring(L, index, &text.size);
    return text;
}

static void put_line(lua_State *L, enum od_log_level level, od_slice message,
                     const struct fields *fields)
{
    struct od_engine *engine = od_engine_of(L);
    struct od_bytes all = {0};
    od_task_put_fields(&all, engine->task);
    if (fields != NULL)
        od_bytes_put_slice(&all, od_bytes_slice(&fields->json));
    struct od_log_line line = {.level = level, .message = message, .fields = od_bytes_slice(&all)};
    if (engine->task != NULL)
        line.object = od_slice_of(engine->task->object->label);
    if (fields != NULL)
        line.shown = od_bytes_slice(&fields->shown);
    od_log_put(&line);
    od_bytes_deinit(&all);
}

// --- A text with fields --------------------------------------------------------------------------

// od.log.info("joined", { user = 7 }): names of fields, and nothing that says itself what it is.
static bool has_fields(lua_State *L)
{
    int count = 0;
    if (lua_gettop(L) != 2 || lua_type(L, 1) != LUA_TSTRING || !lua_istable(L, 2))
        return false;
    if (lua_getmetatable(L, 2)) {
        lua_pop(L, 1);
        return false;
    }
    for (lua_pushnil(L); lua_next(L, 2) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || ++count > OD_LOG_FIELDS_MAX) {
            lua_settop(L, 2);
            return false;
        }
    }
    return count > 0;
}

static int by_name(const void *a, const void *b)
{
    const od_slice *left = a, *right = b;
    return od_slice_compare(*left, *right);
}

static size_t list_names(lua_State *L, od_slice names[OD_LOG_FIELDS_MAX])
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, 2) != 0; lua_pop(L, 1))
        names[count++] = text_at(L, -2);
    qsort(names, count, sizeof *names, by_name);
    return count;
}

static bool is_word(od_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (strchr(" \"=\\", text.at[i]) != NULL || (unsigned char)text.at[i] < ' ')
            return false;
    }
    return text.size > 0;
}

// The value is on top. What JSON has no word for is a text there.
static void put_field(lua_State *L, struct fields *fields, od_slice name)
{
    struct od_error err;
    struct od_bytes json = {0};
    if (!od_json_encode(L, lua_gettop(L), &json, &err))
        od_bytes_put_slice(&json, OD_SLICE("\"?\""));
    od_log_field_json(&fields->json, name, od_bytes_slice(&json));
    bool is_plain = lua_type(L, -1) == LUA_TSTRING && is_word(text_at(L, -1));
    od_bytes_put_u8(&fields->shown, ' ');
    od_bytes_put_slice(&fields->shown, name);
    od_bytes_put_u8(&fields->shown, '=');
    od_bytes_put_slice(&fields->shown, is_plain ? text_at(L, -1) : od_bytes_slice(&json));
    od_bytes_deinit(&json);
}

static void log_with_fields(lua_State *L, enum od_log_level level)
{
    od_slice names[OD_LOG_FIELDS_MAX], message = text_at(L, 1);
    struct fields fields = {0};
    size_t count = list_names(L, names);
    for (size_t i = 0; i < count && fields.json.size < OD_LOG_LINE_BYTES_MAX; i++) {
        lua_pushlstring(L, names[i].at, names[i].size);
        lua_rawget(L, 2);
        put_field(L, &fields, names[i]);
        lua_pop(L, 1);
    }
    if (message.size > OD_LOG_LINE_BYTES_MAX)
        message.size = OD_LOG_LINE_BYTES_MAX;
    put_line(L, level, message, &fields);
    od_bytes_deinit(&fields.json);
    od_bytes_deinit(&fields.shown);
}

// --- Values --------------------------------------------------------------------------------------

// All texts are made before the first byte is gathered: a __tostring is code of the script.
static int log_arguments(lua_State *L)
{
    enum od_log_level level = (enum od_log_level)lua_tointeger(L, lua_upvalueindex(2));
    if (!od_log_is_on(level))
        return 0;
    if (lua_toboolean(L, lua_upvalueindex(3)) && has_fields(L)) {
        log_with_fields(L, level);
        return 0;
    }
    int count = lua_gettop(L);
    for (int i = 1; i <= count; i++)
        make_text(L, i);
    struct od_bytes *line = od_engine_scratch(od_engine_of(L));
    for (int i = 1; i <= count && line->size < OD_LOG_LINE_BYTES_MAX; i++) {
        od_slice text = text_at(L, i);
        od_bytes_put_slice(line, i == 1 ? OD_SLICE("") : OD_SLICE("\t"));
        od_bytes_put(line, text.at,
                     text.size < OD_LOG_LINE_BYTES_MAX ? text.size : OD_LOG_LINE_BYTES_MAX);
    }
    put_line(L, level, od_bytes_slice(line), NULL);
    return 0;
}

static void put_function(lua_State *L, const char *name, enum od_log_level level, bool takes_fields)
{
    od_embedded_push(L, "engine.show");
    lua_pushinteger(L, level);
    lua_pushboolean(L, takes_fields);
    lua_pushcclosure(L, log_arguments, 3);
    lua_setfield(L, -2, name);
}

void od_lib_log_put(lua_State *L)
{
    lua_newtable(L);
    put_function(L, "debug", OD_LOG_DEBUG, true);
    put_function(L, "info", OD_LOG_INFO, true);
    put_function(L, "warn", OD_LOG_WARN, true);
    put_function(L, "error", OD_LOG_ERROR, true);
    od_freeze(L, "od.log");
    lua_setfield(L, -2, "log");
    put_function(L, "print", OD_LOG_INFO, false);
}
