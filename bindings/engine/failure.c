#include "engine/failure.h"

#include <string.h>

#include <lauxlib.h>

#include "base/cursor.h"
#include "engine/embedded.h"
#include "object/names/id.h"
#include "value/value.h"

static const char metatable_key; // Its address is the key of the metatable in the registry.

static int to_string(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TTABLE) {
        lua_pushliteral(L, "message");
        lua_rawget(L, 1);
    }
    if (lua_type(L, -1) != LUA_TSTRING)
        lua_pushliteral(L, "error");
    return 1;
}

static void make_metatable(lua_State *L)
{
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, to_string);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pushlightuserdata(L, (void *)(uintptr_t)&metatable_key);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

static void push_metatable(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&metatable_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (lua_type(L, -1) == LUA_TNIL) {
        lua_pop(L, 1);
        make_metatable(L);
    }
}

// --- Reading -------------------------------------------------------------------------------------

static void set_flag(lua_State *L, uint8_t flags, enum od_failure_flag flag, const char *name)
{
    if ((flags & flag) == 0)
        return;
    lua_pushboolean(L, true);
    lua_setfield(L, -2, name);
}

static void set_fields(lua_State *L, od_slice fields)
{
    OD_ASSERT(lua_istable(L, -1));
    struct od_cursor cursor = od_cursor_of(fields);
    struct od_error err;
    while (!od_cursor_at_end(&cursor)) {
        od_slice key = od_cursor_string(&cursor);
        lua_pushlstring(L, key.at, key.size);
        if (od_value_decode(L, od_cursor_string(&cursor), &err))
            lua_rawset(L, -3);
        else
            lua_pop(L, 1);
    }
}

static void set_id(lua_State *L, od_slice bytes)
{
    od_id id;
    char text[OD_ID_TEXT_BYTES + 1];
    if (bytes.size != OD_ID_BYTES)
        return;
    memcpy(id.bytes, bytes.at, OD_ID_BYTES);
    od_id_format(&id, text);
    lua_pushstring(L, text);
    lua_setfield(L, -2, "durableObjectId");
}

static void push(lua_State *L, const struct od_failure *failure)
{
    lua_createtable(L, 0, 4);
    set_fields(L, failure->fields);
    lua_pushlstring(L, failure->message.at, failure->message.size);
    lua_setfield(L, -2, "message");
    set_id(L, failure->id);
    set_flag(L, failure->flags, OD_FAILURE_REMOTE, "remote");
    set_flag(L, failure->flags, OD_FAILURE_RESET, "durableObjectReset");
    set_flag(L, failure->flags, OD_FAILURE_OVERLOADED, "overloaded");
    set_flag(L, failure->flags, OD_FAILURE_RETRYABLE, "retryable");
    push_metatable(L);
    lua_setmetatable(L, -2);
}

// (record) -> the error, and whether the object was reset.
static int read_record(lua_State *L)
{
    struct od_failure failure;
    od_slice record;
    record.at = lua_tolstring(L, 1, &record.size);
    bool is_whole = od_failure_read(record, &failure);
    OD_ASSERT(is_whole);
    push(L, &failure);
    lua_pushboolean(L, (failure.flags & OD_FAILURE_RESET) != 0);
    return 2;
}

void od_failure_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"read", read_record}, {NULL, NULL}};
    od_embedded_put_native(L, "failure", functions);
}

// --- Writing -------------------------------------------------------------------------------------

static bool is_taken_over(od_slice key)
{
    static const char *const facts[] = {"message", "remote", "durableObjectId",
                                        "durableObjectReset"};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        if (od_slice_equal(key, od_slice_of(facts[i])))
            return false;
    }
    return true;
}

// The field whose key and value are on top; one that cannot be sent is left out.
static void put_field(struct od_bytes *fields, lua_State *L)
{
    struct od_error err;
    if (lua_type(L, -2) != LUA_TSTRING)
        return;
    od_slice key;
    key.at = lua_tolstring(L, -2, &key.size);
    size_t mark = fields->size;
    if (!is_taken_over(key) || mark + key.size + 8 > OD_FAILURE_FIELDS_BYTES_MAX)
        return;
    od_bytes_put_string(fields, key);
    size_t place = fields->size;
    od_bytes_put_u32(fields, 0);
    if (od_value_encode(L, lua_gettop(L), fields, OD_FAILURE_FIELDS_BYTES_MAX - fields->size, &err))
        od_bytes_set_u32(fields, place, (uint32_t)(fields->size - place - 4));
    else
        fields->size = mark;
}

void od_failure_put_fields(struct od_bytes *fields, lua_State *L, lua_State *from)
{
    if (from == NULL || lua_type(from, -1) != LUA_TTABLE)
        return;
    int top = lua_gettop(L);
    lua_pushvalue(from, -1);
    lua_xmove(from, L, 1);
    for (lua_pushnil(L); lua_next(L, top + 1) != 0; lua_pop(L, 1))
        put_field(fields, L);
    lua_settop(L, top);
}
