#include "api/test.h"

#include <string.h>

#include <lauxlib.h>

#include "api/namespace.h"
#include "base/cursor.h"
#include "base/fault.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "link/request.h"
#include "object/names/route.h"
#include "value/raise.h"
#include "value/value.h"

enum {
    message_bytes_max = 32 << 20
};

static const char entry_key;  // Addresses that are keys in the registry: the functions of
static const char object_key; // lua/engine/test.lua.

// --- Values --------------------------------------------------------------------------------------

// encode(...) -> bytes, or nil and what is wrong with which of them.
static int encode(lua_State *L)
{
    struct od_bytes bytes = {0};
    struct od_error err;
    bool ok = od_values_encode(L, 1, lua_gettop(L), "value", &bytes, message_bytes_max, &err);
    if (ok) {
        lua_pushlstring(L, bytes.size > 0 ? bytes.at : "", bytes.size);
        od_bytes_deinit(&bytes);
        return 1;
    }
    od_bytes_deinit(&bytes);
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
}

static int decode(lua_State *L)
{
    struct od_error err;
    od_slice bytes;
    bytes.at = luaL_checklstring(L, 1, &bytes.size);
    int count = od_values_decode(L, bytes, &err);
    if (count < 0)
        return luaL_error(L, "the other side sent no values: %s", err.text);
    return count;
}

static const luaL_Reg values[] = {{"encode", encode}, {"decode", decode}, {NULL, NULL}};

void od_lib_test_put_values(lua_State *L)
{
    od_embedded_put_native(L, "test", values);
}

// --- The object whose code runs ------------------------------------------------------------------

// retire(): the instance goes once its events have ended; the next one meets a new instance.
static int retire(lua_State *L)
{
    od_object_retire(od_engine_object(L, "hibernate"));
    return 0;
}

// reset(why): the instance goes at once, with what it has not committed.
static int reset(lua_State *L)
{
    struct od_object *object = od_engine_object(L, "evict");
    od_object_reset(object, od_slice_of(luaL_checkstring(L, 1)));
    return 0;
}

static void push_identity(lua_State *L, const struct od_identity *identity)
{
    od_id id;
    char text[OD_ID_TEXT_BYTES + 1];
    memcpy(id.bytes, identity->id, OD_ID_BYTES);
    od_id_format(&id, text);
    lua_createtable(L, 0, 2);
    lua_pushstring(L, text);
    lua_setfield(L, -2, "id");
    if (!identity->has_name)
        return;
    lua_pushlstring(L, identity->name.at, identity->name.size);
    lua_setfield(L, -2, "name");
}

// ids(namespace) -> { { id =, name = }, ... } of all objects that have something stored.
static int ids(lua_State *L)
{
    struct od_engine *engine = od_engine_of(L);
    struct od_identity identity;
    struct od_bytes *found = od_engine_scratch(engine);
    od_objects_list(engine->objects, od_check_string(L, 1, "listObjectIds"), found);
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(found));
    lua_newtable(L);
    for (int i = 1; !od_cursor_at_end(&cursor); i++) {
        od_identity_read(&cursor, &identity);
        push_identity(L, &identity);
        lua_rawseti(L, -2, i);
    }
    return 1;
}

// The function that was string.dump'ed in a spec. Only here may it be bytecode: it comes from the
// author's own spec, in this version of the program.
static int load_function(lua_State *L)
{
    size_t size;
    const char *code = luaL_checklstring(L, 1, &size);
    if (luaL_loadbufferx(L, code, size, "=runInObject", "b") != 0)
        return lua_error(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, od_engine_of(L)->globals_ref);
    lua_setfenv(L, -2);
    return 1;
}

// surface() -> the globals of scripts, and the methods of each kind of userdata.
static int surface(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, od_engine_of(L)->globals_ref);
    od_userdata_push_methods(L);
    return 2;
}

// is_mocked() -> whether a spec has set answers for od.fetch (lua/engine/mocks.lua).
static int is_mocked(lua_State *L)
{
    lua_pushboolean(L, OD_FAULT("fetch.mock"));
    return 1;
}

// --- Requests ------------------------------------------------------------------------------------

static void keep(lua_State *L, const char *field, const char *key) // Of the table on top.
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_getfield(L, -2, field);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

void od_lib_test_put(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"encode", encode},   {"decode", decode},       {"retire", retire},
        {"reset", reset},     {"load", load_function},  {"ids", ids},
        {"surface", surface}, {"is_mocked", is_mocked}, {NULL, NULL}};
    if (!od_fault_page_present())
        return;
    od_embedded_put_native(L, "test", functions);
}

void od_lib_test_open(lua_State *L)
{
    if (!od_fault_page_present())
        return;
    od_embedded_push(L, "engine.test");
    keep(L, "entry", &entry_key);
    keep(L, "object", &object_key);
    lua_pop(L, 1);
}

void od_test_add_objects(lua_State *L)
{
    if (!od_fault_page_present())
        return;
    struct od_namespace *namespace =
        od_objects_add_namespace(od_engine_of(L)->objects, OD_SLICE("_mocks"));
    od_embedded_push(L, "engine.mocks");
    lua_getfield(L, -1, "class");
    od_class_add(L, namespace);
    lua_getfield(L, -2, "use");
    od_namespace_push(L, namespace);
    lua_call(L, 1, 0);
    lua_pop(L, 2);
}

bool od_test_push_handler(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    struct od_request request;
    (void)engine;
    if (!od_fault_page_present() || task->event == NULL || task->event->kind != OD_EVENT_FETCH)
        return false;
    if (!od_request_read(od_event_bytes(task->event), &request) ||
        !od_route_is_test(od_request_target(request.url)))
        return false;
    const char *key = od_object_is_entry(task->object) ? &entry_key : &object_key;
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    return true;
}
