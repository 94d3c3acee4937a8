#include "class.h"

#include <stdlib.h>

#include <lauxlib.h>

#include "engine.h"
#include "object/namespace.h"
#include "raise.h"

static const char *const names[OD_HANDLER_COUNT] = {
    [OD_HANDLER_CONSTRUCTOR] = "constructor",  [OD_HANDLER_FETCH] = "fetch",
    [OD_HANDLER_MESSAGE] = "webSocketMessage", [OD_HANDLER_CLOSE] = "webSocketClose",
    [OD_HANDLER_ERROR] = "webSocketError",
};

void od_classes_deinit(struct od_classes *classes)
{
    free(classes->at);
    *classes = (struct od_classes){0};
}

const char *od_handler_name(enum od_handler handler)
{
    return names[handler];
}

enum od_handler od_handler_of(const struct od_event *event)
{
    static const enum od_handler handlers[] = {
        [OD_EVENT_FETCH] = OD_HANDLER_FETCH, [OD_EVENT_MESSAGE] = OD_HANDLER_MESSAGE,
        [OD_EVENT_CLOSE] = OD_HANDLER_CLOSE, [OD_EVENT_ERROR] = OD_HANDLER_ERROR,
        [OD_EVENT_TIMER] = OD_HANDLER_TIMER,
    };
    if (event == NULL)
        return OD_HANDLER_CONSTRUCTOR;
    OD_ASSERT(event->kind != OD_EVENT_RESUME);
    return handlers[event->kind];
}

static void check_spelling(lua_State *L, const char *space, od_slice key)
{
    for (int i = 0; i < OD_HANDLER_COUNT; i++) {
        od_slice name = od_slice_of(names[i]);
        if (od_slice_equal_nocase(key, name) && !od_slice_equal(key, name))
            od_raise(L, "namespaces.%s has a function '%s', which nothing calls: write it '%s'",
                     space, key.at, name.at);
    }
}

static void check_keys(lua_State *L, const char *space)
{
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        od_slice key;
        if (lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TFUNCTION) {
            key.at = lua_tolstring(L, -2, &key.size);
            check_spelling(L, space, key);
        }
    }
}

static int reference_handler(lua_State *L, const char *space, const char *name)
{
    lua_getfield(L, -1, name);
    int type = lua_type(L, -1);
    if (type == LUA_TFUNCTION)
        return luaL_ref(L, LUA_REGISTRYINDEX);
    if (type != LUA_TNIL)
        od_raise(L, "namespaces.%s.%s must be a function, got %s", space, name, od_describe(L, -1));
    lua_pop(L, 1);
    return LUA_NOREF;
}

static int reference_metatable(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "__index");
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

void od_class_add(lua_State *L, const struct od_namespace *namespace)
{
    struct od_class class = {.namespace = namespace};
    lua_pushlstring(L, namespace->name.at, namespace->name.size);
    lua_insert(L, -2);
    const char *space = lua_tostring(L, -2);
    check_keys(L, space);
    for (int i = 0; i < OD_HANDLER_COUNT; i++)
        class.handlers[i] = reference_handler(L, space, names[i]);
    class.metatable_ref = reference_metatable(L);
    lua_remove(L, -2);

    struct od_classes *classes = &od_engine_of(L)->classes;
    classes->at = od_reallocate(classes->at, (classes->size + 1) * sizeof class);
    classes->at[classes->size++] = class;
}

// Scripts have few classes.
struct od_class *od_class_find(const struct od_classes *classes,
                               const struct od_namespace *namespace)
{
    for (size_t i = 0; i < classes->size; i++) {
        if (classes->at[i].namespace == namespace)
            return &classes->at[i];
    }
    return NULL;
}
