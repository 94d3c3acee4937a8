#include "api/sql.h"

#include <math.h>
#include <string.h>

#include "api/sql_cursor.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "engine/instance.h"
#include "object/objects.h"
#include "sql/limits.h"
#include "sql/sql.h"
#include "value/int64.h"
#include "value/raise.h"

#define EXACT_MAX 9007199254740992.0 // 2^53: whole numbers below it are integers to SQL.

struct content {
    od_handle instance;
};

struct blob {
    size_t size;
    char bytes[];
};

void od_sql_push(lua_State *L, od_handle instance)
{
    struct content *content = od_userdata_push(L, OD_USERDATA_SQL, sizeof *content);
    content->instance = instance;
}

// --- Bindings ------------------------------------------------------------------------------------

static struct od_sql_value of_number(lua_State *L, int index)
{
    double number = lua_tonumber(L, index);
    if (isnan(number))
        od_raise(L, "exec: argument %d is NaN, which SQL does not know", index - 1);
    if (number == floor(number) && fabs(number) < EXACT_MAX)
        return (struct od_sql_value){.kind = OD_SQL_INTEGER, .integer = (int64_t)number};
    return (struct od_sql_value){.kind = OD_SQL_REAL, .real = number};
}

static struct od_sql_value of_int64(lua_State *L, int index)
{
    enum od_int64_kind kind = od_int64_kind(L, index);
    if (kind == OD_INT64_NONE)
        od_raise(L, "exec: argument %d cannot be bound: it is %s", index - 1,
                 od_describe(L, index));
    uint64_t bits = od_int64_bits(L, index);
    if (kind == OD_INT64_UNSIGNED && bits > INT64_MAX)
        od_raise(L, "exec: argument %d is larger than an integer of SQL can be (2^63 - 1)",
                 index - 1);
    return (struct od_sql_value){.kind = OD_SQL_INTEGER, .integer = (int64_t)bits};
}

static struct od_sql_value of_bytes(lua_State *L, int index, enum od_sql_kind kind, od_slice bytes)
{
    if (bytes.size > OD_SQL_VALUE_BYTES_MAX)
        od_raise(L, "exec: argument %d has %zu bytes; a value can have %u", index - 1, bytes.size,
                 OD_SQL_VALUE_BYTES_MAX);
    return (struct od_sql_value){.kind = kind, .bytes = bytes};
}

static struct od_sql_value check_binding(lua_State *L, int index)
{
    const struct blob *blob;
    od_slice text;
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return (struct od_sql_value){.kind = OD_SQL_NULL};
    case LUA_TBOOLEAN:
        return (struct od_sql_value){.kind = OD_SQL_INTEGER, .integer = lua_toboolean(L, index)};
    case LUA_TNUMBER:
        return of_number(L, index);
    case LUA_TSTRING:
        text.at = lua_tolstring(L, index, &text.size);
        return of_bytes(L, index, OD_SQL_TEXT, text);
    case LUA_TLIGHTUSERDATA: // od.json.null
        if (lua_touserdata(L, index) == NULL)
            return (struct od_sql_value){.kind = OD_SQL_NULL};
        break;
    case LUA_TUSERDATA:
        blob = od_userdata_test(L, index, OD_USERDATA_BLOB);
        if (blob != NULL)
            return of_bytes(L, index, OD_SQL_BLOB, (od_slice){blob->bytes, blob->size});
        break;
    case OD_LUA_TCDATA:
        return of_int64(L, index);
    default:
        break;
    }
    od_raise(L,
             "exec: argument %d cannot be bound: it is %s (bindings are nil, booleans, numbers, "
             "int64, strings and od.blob)",
             index - 1, od_describe(L, index));
}

// --- exec ----------------------------------------------------------------------------------------

// After a reset the object goes on until its handler returns, but none of it will have been.
static OD_NORETURN void raise_broken(lua_State *L, struct od_object *object, const char *why)
{
    od_object_reset(object, OD_SLICE("a transaction was ended by an error of SQL, so that only its "
                                     "keys were left"));
    od_raise(L, "exec: %s (the transaction it was in is over, and the object is reset)", why);
}

static void run(lua_State *L, struct od_object *object, const struct od_sql_query *query,
                struct od_sql_result *result)
{
    struct od_error err;
    enum od_sql_end end = od_sql_exec(&object->storage, query, result, &err);
    if (end == OD_SQL_BROKEN)
        raise_broken(L, object, err.text);
    if (end == OD_SQL_FAILED)
        od_raise(L, "exec: %s", err.text);
}

static struct od_object *self(lua_State *L, const char *call)
{
    const struct content *content = od_userdata_self(L, OD_USERDATA_SQL, call);
    return od_instance_object(L, content->instance, call);
}

static int exec(lua_State *L)
{
    struct od_object *object = self(L, "exec");
    struct od_sql_value bindings[OD_SQL_BINDINGS_MAX];
    struct od_sql_query query = {.text = od_check_string(L, 2, "exec"),
                                 .bindings = bindings,
                                 .deadline_us = od_objects_deadline_us(object->objects)};
    int count = lua_gettop(L) - 2;
    if (count > OD_SQL_BINDINGS_MAX)
        od_raise(L, "exec: %d bindings are given; a query can have %d", count, OD_SQL_BINDINGS_MAX);
    for (int i = 0; i < count; i++)
        bindings[i] = check_binding(L, i + 3);
    query.binding_count = (size_t)count;
    struct od_sql_result result = {.bytes = od_engine_scratch(od_engine_of(L))};
    run(L, object, &query, &result);
    od_sql_cursor_push(L, &result);
    return 1;
}

static int property(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING || strcmp(lua_tostring(L, 2), "databaseSize") != 0)
        return od_userdata_no_field(L);
    lua_pushnumber(L, (lua_Number)od_sql_size_bytes(&self(L, "databaseSize")->storage));
    return 1;
}

// --- od.blob -------------------------------------------------------------------------------------

static int make_blob(lua_State *L)
{
    od_slice bytes = od_check_bytes(L, 1, "blob");
    struct blob *blob = od_userdata_push(L, OD_USERDATA_BLOB, sizeof *blob + bytes.size);
    blob->size = bytes.size;
    if (bytes.size > 0)
        memcpy(blob->bytes, bytes.at, bytes.size);
    return 1;
}

static int blob_property(lua_State *L)
{
    return od_userdata_no_field(L);
}

void od_lib_sql_put(lua_State *L)
{
    lua_pushcfunction(L, make_blob);
    lua_setfield(L, -2, "blob");
}

// --- native.sql ----------------------------------------------------------------------------------

// version(sql): how many steps of storage:migrate the database has had. SQLite keeps a number
// for whoever uses it in the first page; scripts cannot reach it in another way.
static int version(lua_State *L)
{
    struct od_object *object = self(L, "migrate");
    struct od_sql_query query = {.text = OD_SLICE("PRAGMA user_version"),
                                 .is_trusted = true,
                                 .deadline_us = od_objects_deadline_us(object->objects)};
    struct od_sql_result result = {.bytes = od_engine_scratch(od_engine_of(L))};
    run(L, object, &query, &result);
    od_sql_cursor_push(L, &result);
    return 1;
}

// set_version(sql, n)
static int set_version(lua_State *L)
{
    struct od_object *object = self(L, "migrate");
    const char *text = lua_pushfstring(L, "PRAGMA user_version=%d", (int)lua_tointeger(L, 2));
    struct od_sql_query query = {.text = od_slice_of(text),
                                 .is_trusted = true,
                                 .deadline_us = od_objects_deadline_us(object->objects)};
    struct od_sql_result result = {.bytes = od_engine_scratch(od_engine_of(L))};
    run(L, object, &query, &result);
    return 0;
}

void od_lib_sql_open(lua_State *L)
{
    static const luaL_Reg methods[] = {{"exec", exec}, {NULL, NULL}};
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg native[] = {
        {"version", version}, {"set_version", set_version}, {NULL, NULL}};
    od_userdata_define(L, OD_USERDATA_SQL, methods, property);
    od_userdata_define(L, OD_USERDATA_BLOB, none, blob_property);
    lua_pop(L, 2);
    od_lib_sql_cursor_open(L);
    od_embedded_put_native(L, "sql", native);
}
