#include "lib_namespace.h"

#include <string.h>

#include <lauxlib.h>

#include "embedded.h"
#include "engine.h"
#include "http_message.h"
#include "object/route.h"
#include "raise.h"

// What an id and a stub hold: the object's address. Namespaces live as long as the worker.
struct address {
    struct od_namespace *namespace;
    od_id id;
    bool has_name;
    size_t name_size;
    char name[];
};

static const struct address *push_address(lua_State *L, enum od_userdata kind,
                                          struct od_namespace *namespace, const od_id *id,
                                          bool has_name, od_slice name)
{
    has_name = has_name && name.size <= OD_NAME_BYTES_MAX;
    size_t name_size = has_name ? name.size : 0;
    struct address *address = od_userdata_push(L, kind, sizeof *address + name_size);
    *address = (struct address){namespace, *id, has_name, name_size};
    if (name_size > 0)
        memcpy(address->name, name.at, name_size);
    return address;
}

static void push_copy(lua_State *L, enum od_userdata kind, const struct address *address)
{
    push_address(L, kind, address->namespace, &address->id, address->has_name,
                 (od_slice){address->name, address->name_size});
}

void od_id_push_object(lua_State *L, struct od_object *object)
{
    od_id id = od_object_id(object);
    od_slice name;
    bool has_name = od_object_name(object, &name);
    push_address(L, OD_USERDATA_ID, object->namespace, &id, has_name, name);
}

static void push_name(lua_State *L, const struct address *address)
{
    if (address->has_name)
        lua_pushlstring(L, address->name, address->name_size);
    else
        lua_pushnil(L);
}

// --- Ids -----------------------------------------------------------------------------------------

static bool is_key(lua_State *L, const char *name)
{
    return lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), name) == 0;
}

static int id_property(lua_State *L)
{
    const struct address *address = od_userdata_self(L, OD_USERDATA_ID, "__index");
    if (!is_key(L, "name"))
        return od_userdata_no_field(L);
    push_name(L, address);
    return 1;
}

static int id_to_string(lua_State *L)
{
    const struct address *address = od_userdata_self(L, OD_USERDATA_ID, "__tostring");
    char text[OD_ID_TEXT_BYTES + 1];
    od_id_format(&address->id, text);
    lua_pushstring(L, text);
    return 1;
}

static int id_equals(lua_State *L)
{
    const struct address *a = od_userdata_test(L, 1, OD_USERDATA_ID);
    const struct address *b = od_userdata_test(L, 2, OD_USERDATA_ID);
    lua_pushboolean(L, a != NULL && b != NULL && od_id_equal(&a->id, &b->id));
    return 1;
}

// --- Stubs
// -----------------------------------------------------------------------------------------

static int stub_property(lua_State *L)
{
    const struct address *address = od_userdata_self(L, OD_USERDATA_STUB, "__index");
    if (is_key(L, "name")) {
        push_name(L, address);
        return 1;
    }
    if (is_key(L, "id")) {
        push_copy(L, OD_USERDATA_ID, address);
        return 1;
    }
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    od_raise(L, "stub:%s: calling methods of an object is not built yet; use stub:fetch", key);
}

// The first half of stub:fetch; the other is in lua/engine/calls.lua.
static int begin_fetch(lua_State *L)
{
    const struct address *address = od_userdata_self(L, OD_USERDATA_STUB, "fetch");
    lua_settop(L, 3);
    struct od_wait *wait = od_wait_prepare(L, "fetch");
    struct od_error err;
    if (!od_request_encode(L, 2, 3, &wait->bytes, &err))
        od_raise(L, "fetch: %s", err.text);
    wait->id = address->id;
    wait->namespace_name = address->namespace->name;
    wait->has_name = address->has_name;
    wait->name = (od_slice){address->name, address->name_size};
    return od_wait_yield(L, OD_WAIT_CALL);
}

// --- Namespaces
// --------------------------------------------------------------------------------------

static struct od_namespace *check_namespace(lua_State *L, const char *call)
{
    struct od_namespace **namespace = od_userdata_self(L, OD_USERDATA_NAMESPACE, call);
    return *namespace;
}

static void push_named(lua_State *L, enum od_userdata kind, const char *call)
{
    struct od_namespace *namespace = check_namespace(L, call);
    od_slice name = od_check_string(L, 2, call);
    od_id id = od_id_of_name(&namespace->key, name);
    push_address(L, kind, namespace, &id, true, name);
}

static int id_from_name(lua_State *L)
{
    push_named(L, OD_USERDATA_ID, "idFromName");
    return 1;
}

static int get_by_name(lua_State *L)
{
    push_named(L, OD_USERDATA_STUB, "getByName");
    return 1;
}

static int new_unique_id(lua_State *L)
{
    struct od_namespace *namespace = check_namespace(L, "newUniqueId");
    if (od_check_options(L, 2, "newUniqueId") &&
        od_option(L, 2, "newUniqueId", "jurisdiction", LUA_TSTRING))
        od_raise(L, "Jurisdiction restrictions are not implemented in open-do.");
    od_id id = od_id_unique(&namespace->key);
    push_address(L, OD_USERDATA_ID, namespace, &id, false, (od_slice){NULL, 0});
    return 1;
}

static int id_from_string(lua_State *L)
{
    struct od_namespace *namespace = check_namespace(L, "idFromString");
    od_id id;
    switch (od_id_parse(&namespace->key, od_check_string(L, 2, "idFromString"), &id)) {
    case OD_ID_OK:
        push_address(L, OD_USERDATA_ID, namespace, &id, false, (od_slice){NULL, 0});
        return 1;
    case OD_ID_MALFORMED:
        od_raise(L, "Invalid Durable Object ID: must be 64 hex digits");
    case OD_ID_FOREIGN:
        break;
    }
    od_raise(L, "Durable Object ID is not valid for this namespace.");
}

static int get(lua_State *L)
{
    const struct od_namespace *namespace = check_namespace(L, "get");
    const struct address *address = od_userdata_test(L, 2, OD_USERDATA_ID);
    if (address == NULL)
        od_raise_argument(L, 2, "get", "an object id");
    if (address->namespace != namespace)
        od_raise(L, "Durable Object ID is not valid for this namespace.");
    push_copy(L, OD_USERDATA_STUB, address);
    return 1;
}

void od_namespace_push(lua_State *L, struct od_namespace *namespace)
{
    struct od_namespace **content = od_userdata_push(L, OD_USERDATA_NAMESPACE, sizeof *content);
    *content = namespace;
}

// --- Opening
// -----------------------------------------------------------------------------------------

static void open_ids(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg events[] = {
        {"__eq", id_equals}, {"__tostring", id_to_string}, {NULL, NULL}};
    od_userdata_define(L, OD_USERDATA_ID, none, id_property);
    luaL_setfuncs(L, events, 0);
    lua_pop(L, 1);
}

void od_lib_namespace_open(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg halves[] = {{"begin_fetch", begin_fetch}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"get", get},
                                       {"getByName", get_by_name},
                                       {"idFromName", id_from_name},
                                       {"idFromString", id_from_string},
                                       {"newUniqueId", new_unique_id},
                                       {NULL, NULL}};
    open_ids(L);
    od_userdata_define(L, OD_USERDATA_NAMESPACE, methods, od_userdata_no_field);
    od_userdata_define(L, OD_USERDATA_STUB, none, stub_property);
    lua_pop(L, 2);
    od_embedded_put_native(L, "stub", halves);
}
