#include "api/namespace.h"

#include <string.h>

#include <lauxlib.h>

#include "api/object_ref.h"
#include "api/socket.h"
#include "engine/engine.h"
#include "value/raise.h"

void od_id_push_object(lua_State *L, struct od_object *object)
{
    od_id id = od_object_id(object);
    od_slice name;
    bool has_name = od_object_name(object, &name);
    od_object_ref_push(L, OD_USERDATA_ID, object->namespace, &id, has_name, name);
}

// --- Ids -----------------------------------------------------------------------------------------

static int id_property(lua_State *L)
{
    const struct od_object_ref *ref = od_userdata_self(L, OD_USERDATA_ID, "__index");
    if (!od_object_ref_is_key(L, "name"))
        return od_userdata_no_field(L);
    od_object_ref_push_name(L, ref);
    return 1;
}

static int id_to_string(lua_State *L)
{
    const struct od_object_ref *ref = od_userdata_self(L, OD_USERDATA_ID, "__tostring");
    char text[OD_ID_TEXT_BYTES + 1];
    od_id_format(&ref->id, text);
    lua_pushstring(L, text);
    return 1;
}

static int id_equals(lua_State *L)
{
    const struct od_object_ref *a = od_userdata_test(L, 1, OD_USERDATA_ID);
    const struct od_object_ref *b = od_userdata_test(L, 2, OD_USERDATA_ID);
    lua_pushboolean(L, a != NULL && b != NULL && od_id_equal(&a->id, &b->id));
    return 1;
}

// --- Namespaces ---------------------------------------------------------------------------------

static struct od_namespace *check_namespace(lua_State *L, const char *call)
{
    struct od_namespace **namespace = od_userdata_self(L, OD_USERDATA_NAMESPACE, call);
    return *namespace;
}

static const char *const location_hints[] = {"wnam", "enam",    "sam",     "weur", "eeur", "apac",
                                             "afr",  "apac-ne", "apac-se", "oc",   "me",   NULL};
static const char *const routing_modes[] = {"primary-only", NULL};

// Options that say where an object is to be, or by which way it is reached: here there is one place
// and one way, so they are checked and have no effect.
static void check_choice(lua_State *L, int index, const char *call, const char *name,
                         const char *const *choices)
{
    if (!od_option(L, index, call, name, LUA_TSTRING))
        return;
    const char *chosen = lua_tostring(L, -1);
    while (*choices != NULL && strcmp(*choices, chosen) != 0)
        choices++;
    if (*choices == NULL)
        od_raise(L, "%s: unknown %s: %s", call, name, chosen);
    lua_pop(L, 1);
}

static void check_stub_options(lua_State *L, int index, const char *call)
{
    static const char *const names[] = {"locationHint", "routingMode", NULL};
    if (!od_check_options(L, index, call))
        return;
    od_check_option_names(L, index, call, names);
    check_choice(L, index, call, "locationHint", location_hints);
    check_choice(L, index, call, "routingMode", routing_modes);
}

static void push_named(lua_State *L, enum od_userdata kind, const char *call)
{
    struct od_namespace *namespace = check_namespace(L, call);
    od_slice name = od_check_string(L, 2, call);
    od_check_text(L, name, call, "the name");
    od_id id = od_id_of_name(&namespace->key, name);
    od_object_ref_push(L, kind, namespace, &id, true, name);
}

static int id_from_name(lua_State *L)
{
    push_named(L, OD_USERDATA_ID, "idFromName");
    return 1;
}

static int get_by_name(lua_State *L)
{
    check_stub_options(L, 3, "getByName");
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
    od_object_ref_push(L, OD_USERDATA_ID, namespace, &id, false, (od_slice){NULL, 0});
    return 1;
}

static void push_known(lua_State *L, struct od_namespace *namespace, const od_id *id)
{
    struct od_objects *objects = od_engine_of(L)->objects;
    od_slice name = {NULL, 0};
    bool has_name = objects->store != NULL && od_objects_name(objects, id, &name);
    od_object_ref_push(L, OD_USERDATA_ID, namespace, id, has_name, name);
}

static int id_from_string(lua_State *L)
{
    struct od_namespace *namespace = check_namespace(L, "idFromString");
    od_id id;
    switch (od_id_parse(&namespace->key, od_check_string(L, 2, "idFromString"), &id)) {
    case OD_ID_OK:
        push_known(L, namespace, &id);
        return 1;
    case OD_ID_MALFORMED:
        od_raise(L, "idFromString: Invalid Durable Object ID: must be 64 hex digits");
    case OD_ID_FOREIGN:
        break;
    }
    od_raise(L, "idFromString: Durable Object ID is not valid for this namespace.");
}

static int get(lua_State *L)
{
    const struct od_namespace *namespace = check_namespace(L, "get");
    const struct od_object_ref *ref = od_userdata_test(L, 2, OD_USERDATA_ID);
    if (ref == NULL)
        od_raise_argument(L, 2, "get", "an object id");
    if (ref->namespace != namespace)
        od_raise(L, "get: Durable Object ID is not valid for this namespace.");
    check_stub_options(L, 3, "get");
    od_object_ref_push_copy(L, OD_USERDATA_STUB, ref);
    return 1;
}

void od_namespace_push(lua_State *L, struct od_namespace *namespace)
{
    OD_ASSERT(namespace != NULL);
    struct od_namespace **content = od_userdata_push(L, OD_USERDATA_NAMESPACE, sizeof *content);
    *content = namespace;
}

// --- Opening ------------------------------------------------------------------------------------

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
    static const luaL_Reg methods[] = {{"get", get},
                                       {"getByName", get_by_name},
                                       {"idFromName", id_from_name},
                                       {"idFromString", id_from_string},
                                       {"newUniqueId", new_unique_id},
                                       {NULL, NULL}};
    open_ids(L);
    od_userdata_define(L, OD_USERDATA_NAMESPACE, methods, od_userdata_no_field);
    lua_pop(L, 1);
}
