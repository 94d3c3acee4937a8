#include "inside.h"

#include <string.h>

#include <lauxlib.h>

#include "engine/engine.h"
#include "engine/instance.h"
#include "link/facts.h"
#include "object/objects.h"
#include "value/value.h"

enum {
    ancestors_max = 10, // Of a class: tables behind __index.
};

struct inside {
    struct od_engine *engine;
    struct od_object *object;
    struct od_bytes *facts;
    size_t whole_bytes; // Up to the end of the last record.
};

static void end_record(struct inside *inside)
{
    od_facts_end(inside->facts);
    inside->whole_bytes = inside->facts->size;
}

// --- The class -----------------------------------------------------------------------------------

// Of the table on top.
static void put_methods_of(lua_State *L, struct inside *inside, int *count)
{
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        od_slice name;
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TFUNCTION)
            continue;
        name.at = lua_tolstring(L, -2, &name.size);
        if (od_method_refusal(name) == NULL && ++*count <= OD_INSIDE_NAMES_MAX)
            od_facts_item(inside->facts, "methods", name);
    }
}

// Replaces the table on top by the one it inherits from. False: there is none.
static bool go_to_ancestor(lua_State *L)
{
    if (!lua_getmetatable(L, -1))
        return false;
    lua_pushliteral(L, "__index");
    lua_rawget(L, -2);
    lua_replace(L, -3);
    lua_pop(L, 1);
    return lua_istable(L, -1);
}

static void put_methods(lua_State *L, struct inside *inside)
{
    const struct od_class *class =
        od_class_find(&inside->engine->classes, inside->object->namespace);
    int count = 0;
    if (class != NULL) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, class->metatable_ref);
        lua_getfield(L, -1, "__index");
        int generation = 0;
        do
            put_methods_of(L, inside, &count);
        while (++generation < ancestors_max && go_to_ancestor(L));
        lua_settop(L, 1);
    }
    end_record(inside);
}

// --- The instance --------------------------------------------------------------------------------

static void put_field(lua_State *L, struct inside *inside, od_slice name)
{
    struct od_bytes value = {0};
    struct od_error err;
    od_facts_text(inside->facts, "field", name);
    od_facts_text(inside->facts, "type", od_slice_of(luaL_typename(L, -1)));
    if (od_value_encode(L, lua_gettop(L), &value, OD_INSIDE_VALUE_BYTES, &err))
        od_facts_value(inside->facts, "value", od_bytes_slice(&value));
    else
        od_facts_text(inside->facts, "why", od_slice_of(err.text));
    od_bytes_deinit(&value);
    end_record(inside);
}

static void put_fields(lua_State *L, struct inside *inside)
{
    int count = 0;
    if (inside->object->instance == NULL)
        return;
    od_instance_push(inside->engine, L, inside->object->instance);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        od_slice name;
        if (lua_type(L, -2) != LUA_TSTRING)
            continue;
        name.at = lua_tolstring(L, -2, &name.size);
        bool is_ours = strcmp(name.at, "state") == 0 || strcmp(name.at, "env") == 0;
        if (!is_ours && ++count <= OD_INSIDE_NAMES_MAX)
            put_field(L, inside, name);
    }
}

// A lua_CFunction: (inside).
static int put_all(lua_State *L)
{
    struct inside *inside = lua_touserdata(L, 1);
    luaL_checkstack(L, 20, NULL);
    put_methods(L, inside);
    put_fields(L, inside);
    return 0;
}

// When memory is full what was found until then is told.
void od_inside_put(struct od_engine *engine, struct od_object *object, struct od_bytes *facts)
{
    struct inside inside = {engine, object, facts, facts->size};
    if (lua_cpcall(engine->L, put_all, &inside) != 0)
        lua_pop(engine->L, 1);
    OD_ASSERT(inside.whole_bytes <= facts->size);
    facts->size = inside.whole_bytes;
}
