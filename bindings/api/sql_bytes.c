#include "api/sql_bytes.h"

#include <math.h>

#include <lauxlib.h>

#include "sql/sql.h"
#include "value/int64.h"

#define EXACT_MAX 9007199254740992.0 // 2^53: whole numbers below it are exact.

static od_slice slice_at(lua_State *L, int index)
{
    od_slice text;
    text.at = lua_tolstring(L, index, &text.size);
    return text;
}

// Null is a light userdata.
static void check_binding(lua_State *L, int index)
{
    int type = lua_type(L, index);
    if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TBOOLEAN &&
        type != LUA_TLIGHTUSERDATA) {
        lua_pushfstring(L, "binding %d is neither a number, a text, a boolean nor null", index - 1);
        lua_error(L); // For who asks, without a place in our own code.
    }
}

static void put_binding(lua_State *L, int index, struct od_bytes *bytes)
{
    struct od_sql_value value = {.kind = OD_SQL_NULL};
    double number = lua_tonumber(L, index);
    if (lua_type(L, index) == LUA_TNUMBER && number == floor(number) && fabs(number) < EXACT_MAX)
        value = (struct od_sql_value){.kind = OD_SQL_INTEGER, .integer = (int64_t)number};
    else if (lua_type(L, index) == LUA_TNUMBER)
        value = (struct od_sql_value){.kind = OD_SQL_REAL, .real = number};
    else if (lua_type(L, index) == LUA_TSTRING)
        value = (struct od_sql_value){.kind = OD_SQL_TEXT, .bytes = slice_at(L, index)};
    else if (lua_type(L, index) == LUA_TBOOLEAN)
        value = (struct od_sql_value){.kind = OD_SQL_INTEGER, .integer = lua_toboolean(L, index)};
    od_sql_value_put(bytes, &value);
}

int od_sql_bytes_query(lua_State *L)
{
    struct od_bytes bytes = {0};
    int count = lua_gettop(L) - 1;
    luaL_checkstring(L, 1);
    for (int i = 0; i < count; i++)
        check_binding(L, i + 2);
    od_bytes_put_string(&bytes, slice_at(L, 1));
    od_bytes_put_u32(&bytes, (uint32_t)count);
    for (int i = 0; i < count; i++)
        put_binding(L, i + 2, &bytes);
    lua_pushlstring(L, bytes.at, bytes.size);
    od_bytes_deinit(&bytes);
    return 1;
}

static void push_sql_value(lua_State *L, struct od_cursor *cursor)
{
    struct od_sql_value value;
    od_sql_value_read(cursor, &value);
    if (value.kind == OD_SQL_NULL)
        lua_pushlightuserdata(L, NULL);
    else if (value.kind == OD_SQL_REAL)
        lua_pushnumber(L, value.real);
    else if (value.kind != OD_SQL_INTEGER)
        lua_pushlstring(L, value.bytes.at, value.bytes.size);
    else if (fabs((double)value.integer) < EXACT_MAX)
        lua_pushnumber(L, (lua_Number)value.integer);
    else
        od_int64_push(L, OD_INT64_SIGNED, (uint64_t)value.integer);
}

// writes.
int od_sql_bytes_rows(lua_State *L)
{
    struct od_cursor cursor = od_cursor_of(slice_at(L, 1));
    if (od_cursor_u8(&cursor) != 0)
        return 0;
    int columns = (int)od_cursor_u32(&cursor), rows = (int)od_cursor_u64(&cursor);
    lua_Number rows_read = (lua_Number)od_cursor_u64(&cursor);
    lua_newtable(L);
    for (int i = 1; i <= columns; i++) {
        od_slice name = od_cursor_string(&cursor);
        lua_pushlstring(L, name.at, name.size);
        lua_rawseti(L, -2, i);
    }
    lua_newtable(L);
    for (int i = 1; i <= rows; i++) {
        lua_createtable(L, columns, 0);
        for (int j = 1; j <= columns; j++) {
            push_sql_value(L, &cursor);
            lua_rawseti(L, -2, j);
        }
        lua_rawseti(L, -2, i);
    }
    lua_pushnumber(L, rows_read);
    return 3;
}
