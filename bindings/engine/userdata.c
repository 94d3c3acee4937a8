#include "engine/userdata.h"

#include <stdlib.h>
#include <string.h>

#include "engine/embedded.h"
#include "engine/engine.h"
#include "value/raise.h"

enum {
    fields_max = 32
};

// How messages name a kind, how scripts write one before a colon, what it has besides methods, and
// the module that finds both; NULL: engine.members.
static const struct {
    const char *name;
    const char *variable;
    const char *properties[5];
    const char *members;
} names[OD_USERDATA_COUNT] = {
    [OD_USERDATA_STATE] = {"a state", "state", {"id", "storage"}, "engine.parts"},
    [OD_USERDATA_STORAGE] = {"a storage", "storage", {"kv", "sql"}},
    [OD_USERDATA_TRANSACTION] = {"a transaction", "txn", {NULL}},
    [OD_USERDATA_SQL] = {"a database", "storage.sql", {"databaseSize"}},
    [OD_USERDATA_CURSOR] = {"a cursor", "cursor", {"columnNames", "rowsRead", "rowsWritten"}},
    [OD_USERDATA_BLOB] = {"a blob", "blob", {NULL}},
    [OD_USERDATA_WEBSOCKET] = {"a WebSocket",
                               "ws",
                               {"readyState", "protocol", "url", "bufferedAmount"}},
    [OD_USERDATA_EVENT_STREAM] = {"an event stream",
                                  "events",
                                  {"readyState", "protocol", "url", "bufferedAmount"}},
    [OD_USERDATA_NAMESPACE] = {"a namespace", "env.NAMESPACE", {NULL}},
    [OD_USERDATA_ID] = {"an object id", "id", {"name"}},
    [OD_USERDATA_STUB] = {"a stub", "stub", {"id", "name"}},
    [OD_USERDATA_ASSETS] = {"the assets", "env.assets", {NULL}},
    [OD_USERDATA_STREAM] = {"a stream", "stream", {NULL}},
    [OD_USERDATA_BODY] = {"a body", "_stream", {NULL}},
    [OD_USERDATA_PIPE] = {"a connection", "connection", {NULL}},
};

// In front of the content, which may need the same alignment as it.
struct head {
    const void *kind; // Its row of names.
};

static enum od_userdata kind_of(lua_State *L, int index)
{
    int kind = 0;
    while (kind < OD_USERDATA_COUNT && od_userdata_test(L, index, (enum od_userdata)kind) == NULL)
        kind++;
    return (enum od_userdata)kind;
}

static void push_registered(lua_State *L, int ref)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
}

static const char *key_text(lua_State *L, int index)
{
    bool is_text = lua_type(L, index) == LUA_TSTRING || lua_type(L, index) == LUA_TNUMBER;
    return is_text ? lua_tostring(L, index) : luaL_typename(L, index);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// The names of what [kind] has, which live as long as the state.
static void gather_fields(lua_State *L, enum od_userdata kind, const char *fields[fields_max + 1])
{
    size_t count = 0;
    for (; names[kind].properties[count] != NULL; count++)
        fields[count] = names[kind].properties[count];
    push_registered(L, od_engine_of(L)->kinds[kind].methods_ref);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING && count < fields_max)
            fields[count++] = lua_tostring(L, -2);
    }
    lua_pop(L, 1);
    qsort(fields, count, sizeof *fields, by_name);
    fields[count] = NULL;
}

int od_userdata_no_field(lua_State *L)
{
    const char *fields[fields_max + 1];
    enum od_userdata kind = kind_of(L, 1);
    gather_fields(L, kind, fields);
    od_raise_unknown(L, lua_pushfstring(L, "%s has no field", names[kind].name), key_text(L, 2),
                     fields);
}

static int refuse_new_field(lua_State *L)
{
    od_raise(L, "%s takes no fields ('%s'); keep them in a table of your own", od_describe(L, 1),
             key_text(L, 2));
}

static int to_string(lua_State *L)
{
    lua_pushfstring(L, "%s: %p", strchr(od_describe(L, 1), ' ') + 1, lua_topointer(L, 1));
    return 1;
}

static void set_function(lua_State *L, const char *name, lua_CFunction function)
{
    lua_pushcfunction(L, function);
    lua_setfield(L, -2, name);
}

void od_userdata_define(lua_State *L, enum od_userdata kind, const luaL_Reg *methods,
                        lua_CFunction properties)
{
    OD_ASSERT(kind < OD_USERDATA_COUNT);
    OD_ASSERT(od_engine_of(L)->kinds[kind].metatable_ref == 0); // Once.
    struct od_userdata_kind *made = &od_engine_of(L)->kinds[kind];
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    made->methods_ref = luaL_ref(L, LUA_REGISTRYINDEX);

    lua_newtable(L);
    od_embedded_push(L, names[kind].members != NULL ? names[kind].members : "engine.members");
    push_registered(L, made->methods_ref);
    lua_pushcfunction(L, properties);
    lua_call(L, 2, 1);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pushstring(L, names[kind].name);
    lua_setfield(L, -2, "__name");
    set_function(L, "__newindex", refuse_new_field);
    set_function(L, "__tostring", to_string);
    lua_pushvalue(L, -1);
    made->metatable_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

void od_userdata_add_functions(lua_State *L, enum od_userdata kind, const luaL_Reg *methods)
{
    OD_ASSERT(kind < OD_USERDATA_COUNT);
    push_registered(L, od_engine_of(L)->kinds[kind].methods_ref);
    luaL_setfuncs(L, methods, 0);
    lua_pop(L, 1);
}

void od_userdata_add_table(lua_State *L, enum od_userdata kind)
{
    OD_ASSERT(kind < OD_USERDATA_COUNT);
    OD_ASSERT(lua_istable(L, -1));
    push_registered(L, od_engine_of(L)->kinds[kind].methods_ref);
    for (lua_pushnil(L); lua_next(L, -3) != 0;) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
    if (lua_getmetatable(L, -2))
        lua_setmetatable(L, -2);
    lua_pop(L, 2);
}

void od_userdata_push_methods(lua_State *L)
{
    lua_newtable(L);
    for (int kind = 0; kind < OD_USERDATA_COUNT; kind++) {
        push_registered(L, od_engine_of(L)->kinds[kind].methods_ref);
        lua_setfield(L, -2, names[kind].variable);
    }
}

void *od_userdata_push(lua_State *L, enum od_userdata kind, size_t size)
{
    OD_ASSERT(kind < OD_USERDATA_COUNT);
    struct head *head = lua_newuserdata(L, sizeof *head + size);
    head->kind = &names[kind];
    push_registered(L, od_engine_of(L)->kinds[kind].metatable_ref);
    lua_setmetatable(L, -2);
    return head + 1;
}

void *od_userdata_content(void *memory, enum od_userdata kind)
{
    OD_ASSERT(kind < OD_USERDATA_COUNT);
    struct head *head = memory;
    return head != NULL && head->kind == &names[kind] ? head + 1 : NULL;
}

void *od_userdata_test(lua_State *L, int index, enum od_userdata kind)
{
    bool is_full = lua_type(L, index) == LUA_TUSERDATA; // A light one need not lead to memory.
    return is_full ? od_userdata_content(lua_touserdata(L, index), kind) : NULL;
}

void *od_userdata_self(lua_State *L, enum od_userdata kind, const char *call)
{
    void *content = od_userdata_test(L, 1, kind);
    if (content == NULL)
        od_raise(L, "%s: call it with a colon, as in %s:%s(...)", call, names[kind].variable, call);
    return content;
}
