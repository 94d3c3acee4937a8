#include "value/json.h"

#include <lauxlib.h>

#include "value/guard.h"
#include "value/json_write.h"
#include "value/raise.h"

#define SCRATCH_KEPT_BYTES (64u << 10) // A larger buffer is given back after use.

// Their addresses are the registry's keys of metatables that make a table an array.
static const char mark_key;     // json.array's.
static const char array_mt_key; // A script's, under lua-cjson's names.
static const char empty_array_mt_key;

static void push_metatable(lua_State *L, const char *key)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

void od_json_push_mark(lua_State *L)
{
    push_metatable(L, &mark_key);
    OD_ASSERT(lua_istable(L, -1));
}

void od_json_mark_array(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    od_json_push_mark(L);
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

// Whether the value on top is the metatable of [key].
static bool is_metatable(lua_State *L, const char *key)
{
    push_metatable(L, key);
    bool is_it = lua_rawequal(L, -1, -2);
    lua_pop(L, 1);
    return is_it;
}

static bool is_empty(lua_State *L, int index)
{
    lua_pushnil(L);
    if (lua_next(L, index) == 0)
        return true;
    lua_pop(L, 2);
    return false;
}

bool od_json_is_array(lua_State *L, int index)
{
    if (!lua_getmetatable(L, index))
        return false;
    bool is_array = is_metatable(L, &mark_key) || is_metatable(L, &array_mt_key);
    bool is_one_when_empty = !is_array && is_metatable(L, &empty_array_mt_key);
    lua_pop(L, 1);
    return is_array || (is_one_when_empty && is_empty(L, index));
}

static bool encode_guarded(lua_State *L, void *context, struct od_error *err)
{
    return od_json_write(L, 1, OD_JSON_PLAIN, context, err);
}

bool od_json_encode(lua_State *L, int index, struct od_bytes *out, struct od_error *err)
{
    size_t mark = out->size;
    if (od_guard(L, index, 0, encode_guarded, out, err))
        return true;
    OD_ASSERT(out->size >= mark);
    out->size = mark;
    return false;
}

// The buffer that texts are written in belongs to Lua, so that it may be left by a long jump. One
// for a state is enough: no code of a script runs while a text is written.
static int scratch_free(lua_State *L)
{
    od_bytes_deinit(lua_touserdata(L, 1));
    return 0;
}

static void push_scratch(lua_State *L)
{
    od_bytes_init(lua_newuserdata(L, sizeof(struct od_bytes)));
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, scratch_free);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
}

// Pushes the text of the first argument.
static bool push_text(lua_State *L, struct od_error *err)
{
    struct od_bytes *scratch = lua_touserdata(L, lua_upvalueindex(1));
    OD_ASSERT(scratch != NULL);
    if (lua_isnone(L, 1))
        od_raise(L, "json.encode: argument 1 must be a value, got nothing");
    od_bytes_clear(scratch);
    enum od_json_style style = lua_toboolean(L, 2) ? OD_JSON_EMPTY_IS_ARRAY : OD_JSON_PLAIN;
    bool ok = od_json_write(L, 1, style, scratch, err);
    if (ok)
        lua_pushlstring(L, scratch->at, scratch->size);
    if (scratch->capacity > SCRATCH_KEPT_BYTES)
        od_bytes_deinit(scratch);
    return ok;
}

static bool push_value(lua_State *L, struct od_error *err)
{
    return od_json_decode(L, od_check_bytes(L, 1, "json.decode"), err);
}

static int raise(lua_State *L, const struct od_error *err)
{
    return luaL_error(L, "%s", err->text);
}

static int give_up(lua_State *L, const struct od_error *err)
{
    lua_pushnil(L);
    lua_pushstring(L, err->text);
    return 2;
}

static int encode(lua_State *L)
{
    struct od_error err;
    lua_settop(L, lua_gettop(L) > 0 ? 1 : 0); // Only try_encode has a second argument.
    return push_text(L, &err) ? 1 : raise(L, &err);
}

static int decode(lua_State *L)
{
    struct od_error err;
    return push_value(L, &err) ? 1 : raise(L, &err);
}

// The same with nil and the text of the error, for the Lua modules, which add their caller's line.
static int try_encode(lua_State *L)
{
    struct od_error err;
    return push_text(L, &err) ? 1 : give_up(L, &err);
}

static int try_decode(lua_State *L)
{
    struct od_error err;
    return push_value(L, &err) ? 1 : give_up(L, &err);
}

static int array(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    bool is_array = od_json_is_array(L, 1);
    if (!is_array && lua_getmetatable(L, 1))
        return luaL_error(L, "a table with a metatable cannot become a JSON array");
    od_json_mark_array(L, 1);
    return 1;
}

// Leaves it on the stack.
static void make_metatable(lua_State *L, const char *key)
{
    lua_newtable(L);
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

static void make_mark(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&mark_key);
    lua_createtable(L, 0, 1);
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_rawset(L, LUA_REGISTRYINDEX);
}

void od_json_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"encode", encode},         {"decode", decode},
                                         {"try_encode", try_encode}, {"try_decode", try_decode},
                                         {"array", array},           {NULL, NULL}};
    make_mark(L);
    lua_newtable(L);
    push_scratch(L);
    luaL_setfuncs(L, functions, 1);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    lua_pushlightuserdata(L, od_json_empty_array());
    lua_setfield(L, -2, "empty_array");
    make_metatable(L, &array_mt_key);
    lua_setfield(L, -2, "array_mt");
    make_metatable(L, &empty_array_mt_key);
    lua_setfield(L, -2, "empty_array_mt");
}
