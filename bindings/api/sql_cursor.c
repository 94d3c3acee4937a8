#include "api/sql_cursor.h"

#include <string.h>

#include "engine/userdata.h"
#include "value/int64.h"
#include "value/json.h"
#include "value/raise.h"

#define EXACT_MAX (1ll << 53) // Whole numbers up to it are numbers of Lua.

// Its environment is an array of the columns' names.
struct cursor {
    uint32_t columns;
    uint64_t left; // Rows.
    uint64_t rows_read, rows_written;
    size_t at, size;
    char bytes[];
};

static void push_names(lua_State *L, struct od_cursor *names, uint32_t count)
{
    lua_createtable(L, (int)count, 0);
    for (uint32_t i = 1; i <= count; i++) {
        od_slice name = od_cursor_string(names);
        lua_pushlstring(L, name.at, name.size);
        lua_rawseti(L, -2, (int)i);
    }
}

void od_sql_cursor_push(lua_State *L, const struct od_sql_result *result)
{
    struct od_cursor bytes = od_cursor_of(od_bytes_slice(result->bytes));
    push_names(L, &bytes, result->column_count);
    od_slice rows = od_cursor_rest(&bytes);
    struct cursor *cursor = od_userdata_push(L, OD_USERDATA_CURSOR, sizeof *cursor + rows.size);
    *cursor = (struct cursor){.columns = result->column_count,
                              .left = result->row_count,
                              .rows_read = result->rows_read + result->row_count,
                              .rows_written = result->rows_written,
                              .size = rows.size};
    if (rows.size > 0)
        memcpy(cursor->bytes, rows.at, rows.size);
    lua_insert(L, -2);
    lua_setfenv(L, -2);
}

// --- Rows ----------------------------------------------------------------------------------------

static void push_integer(lua_State *L, int64_t integer)
{
    if (integer >= -EXACT_MAX && integer <= EXACT_MAX)
        lua_pushnumber(L, (lua_Number)integer);
    else
        od_int64_push(L, OD_INT64_SIGNED, (uint64_t)integer);
}

static void push_value(lua_State *L, struct od_cursor *bytes)
{
    struct od_sql_value value;
    od_sql_value_read(bytes, &value);
    if (value.kind == OD_SQL_NULL)
        lua_pushnil(L);
    else if (value.kind == OD_SQL_INTEGER)
        push_integer(L, value.integer);
    else if (value.kind == OD_SQL_REAL)
        lua_pushnumber(L, value.real);
    else
        lua_pushlstring(L, value.bytes.at, value.bytes.size);
}

// The next row as a table; [names], where the names are, or 0: by position. There must be one.
static void push_row(lua_State *L, struct cursor *cursor, int names)
{
    struct od_cursor bytes =
        od_cursor_of((od_slice){cursor->bytes + cursor->at, cursor->size - cursor->at});
    int columns = (int)cursor->columns;
    lua_createtable(L, names == 0 ? columns : 0, names == 0 ? 0 : columns);
    for (int i = 1; i <= columns; i++) {
        if (names != 0)
            lua_rawgeti(L, names, i);
        push_value(L, &bytes);
        if (names != 0)
            lua_rawset(L, -3);
        else
            lua_rawseti(L, -2, i);
    }
    cursor->at = (size_t)(bytes.at - cursor->bytes);
    cursor->left--;
}

static struct cursor *self(lua_State *L, const char *call)
{
    return od_userdata_self(L, OD_USERDATA_CURSOR, call);
}

static int push_names_of(lua_State *L)
{
    lua_getfenv(L, 1);
    return lua_gettop(L);
}

static int next(lua_State *L)
{
    struct cursor *cursor = self(L, "next");
    if (cursor->left == 0)
        lua_pushnil(L);
    else
        push_row(L, cursor, push_names_of(L));
    return 1;
}

// Also without rows it is written as [] in JSON.
static int to_array(lua_State *L)
{
    struct cursor *cursor = self(L, "toArray");
    int names = push_names_of(L);
    lua_createtable(L, cursor->left < 1024 ? (int)cursor->left : 1024, 0);
    for (int i = 1; cursor->left > 0; i++) {
        push_row(L, cursor, names);
        lua_rawseti(L, -2, i);
    }
    od_json_mark_array(L, lua_gettop(L));
    return 1;
}

static int one(lua_State *L)
{
    struct cursor *cursor = self(L, "one");
    if (cursor->left != 1)
        od_raise(L, "Expected exactly one result from SQL query, but got %s.",
                 cursor->left == 0 ? "no results" : "multiple results");
    push_row(L, cursor, push_names_of(L));
    return 1;
}

static int next_raw(lua_State *L)
{
    struct cursor *cursor = od_userdata_test(L, lua_upvalueindex(1), OD_USERDATA_CURSOR);
    if (cursor->left == 0)
        lua_pushnil(L);
    else
        push_row(L, cursor, 0);
    return 1;
}

static int raw(lua_State *L)
{
    self(L, "raw");
    lua_settop(L, 1);
    lua_pushcclosure(L, next_raw, 1);
    return 1;
}

// --- Properties ----------------------------------------------------------------------------------

static int column_names(lua_State *L)
{
    int names = push_names_of(L);
    int count = (int)lua_objlen(L, names);
    lua_createtable(L, count, 0);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, names, i);
        lua_rawseti(L, -2, i);
    }
    od_json_mark_array(L, lua_gettop(L));
    return 1;
}

static bool is_key(lua_State *L, const char *name)
{
    size_t size;
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &size) : NULL;
    return key != NULL && strcmp(key, name) == 0;
}

static int property(lua_State *L)
{
    const struct cursor *cursor = od_userdata_test(L, 1, OD_USERDATA_CURSOR);
    if (is_key(L, "columnNames"))
        return column_names(L);
    if (is_key(L, "rowsRead"))
        lua_pushnumber(L, (lua_Number)cursor->rows_read);
    else if (is_key(L, "rowsWritten"))
        lua_pushnumber(L, (lua_Number)cursor->rows_written);
    else
        return od_userdata_no_field(L);
    return 1;
}

void od_lib_sql_cursor_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"next", next}, {"toArray", to_array}, {"one", one}, {"raw", raw}, {NULL, NULL}};
    od_userdata_define(L, OD_USERDATA_CURSOR, methods, property);
    lua_pushcfunction(L, next); // for row in cursor do
    lua_setfield(L, -2, "__call");
    lua_pop(L, 1);
}
