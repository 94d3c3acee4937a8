#include "engine/class.h"

#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "base/log.h"
#include "base/suggest.h"
#include "engine/engine.h"
#include "link/invocation.h"
#include "object/alarm_event.h"
#include "object/names/namespace.h"
#include "object/socket.h"
#include "value/raise.h"

static const char *const names[OD_HANDLER_COUNT] = {
    [OD_HANDLER_CONSTRUCTOR] = "constructor",       [OD_HANDLER_FETCH] = "fetch",
    [OD_HANDLER_MESSAGE] = "webSocketMessage",      [OD_HANDLER_CLOSE] = "webSocketClose",
    [OD_HANDLER_ERROR] = "webSocketError",          [OD_HANDLER_ALARM] = "alarm",
    [OD_HANDLER_EVENTS_CLOSE] = "eventStreamClose", [OD_HANDLER_OPEN] = "webSocketOpen",
};

void od_classes_deinit(struct od_classes *classes)
{
    free(classes->at);
    *classes = (struct od_classes){0};
}

inline enum od_handler od_handler_of(const struct od_event *event)
{
    static const enum od_handler handlers[] = {
        [OD_EVENT_FETCH] = OD_HANDLER_FETCH,     [OD_EVENT_CALL] = OD_HANDLER_METHOD,
        [OD_EVENT_MESSAGE] = OD_HANDLER_MESSAGE, [OD_EVENT_CLOSE] = OD_HANDLER_CLOSE,
        [OD_EVENT_OPEN] = OD_HANDLER_OPEN,       [OD_EVENT_UNREACHED] = OD_HANDLER_ERROR,
        [OD_EVENT_ERROR] = OD_HANDLER_ERROR,     [OD_EVENT_ALARM] = OD_HANDLER_ALARM,
        [OD_EVENT_TIMER] = OD_HANDLER_TIMER,     [OD_EVENT_BRANCH] = OD_HANDLER_BRANCH,
        [OD_EVENT_COMMAND] = OD_HANDLER_COMMAND, [OD_EVENT_LEFT] = OD_HANDLER_LEFT,
    };
    if (event == NULL)
        return OD_HANDLER_CONSTRUCTOR;
    OD_ASSERT(event->kind != OD_EVENT_RESUME);
    OD_ASSERT(event->kind < sizeof handlers / sizeof *handlers);
    if (event->kind == OD_EVENT_CLOSE && event->socket != NULL && event->socket->is_events)
        return OD_HANDLER_EVENTS_CLOSE;
    if (event->kind == OD_EVENT_ALARM && od_alarm_event_is_schedule(event))
        return OD_HANDLER_SCHEDULE;
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

static bool wants_streams(lua_State *L, const char *space)
{
    lua_getfield(L, -1, "streamBody");
    if (!lua_isnil(L, -1) && !lua_isboolean(L, -1))
        od_raise(L, "namespaces.%s.streamBody must be true or false, got %s", space,
                 od_describe(L, -1));
    bool wants = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return wants;
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
    OD_ASSERT(od_class_find(&od_engine_of(L)->classes, namespace) == NULL);
    struct od_class class = {.namespace = namespace};
    lua_pushlstring(L, namespace->name.at, namespace->name.size);
    lua_insert(L, -2);
    const char *space = lua_tostring(L, -2);
    check_keys(L, space);
    for (int i = 0; i < OD_HANDLER_COUNT; i++)
        class.handlers[i] = reference_handler(L, space, names[i]);
    class.streams = wants_streams(L, space);
    class.metatable_ref = reference_metatable(L);
    lua_newtable(L);
    class.methods_ref = luaL_ref(L, LUA_REGISTRYINDEX);
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

// --- Methods -------------------------------------------------------------------------------------

// Names with a meaning of their own: the handlers are for the runtime to call, fetch has a form of
// its own, the others are Cloudflare's.
static bool is_reserved(od_slice name)
{
    static const char *const reserved[] = {"alarm", "connect", "dup"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (od_slice_equal(name, od_slice_of(reserved[i])))
            return true;
    }
    for (int i = 0; i < OD_HANDLER_COUNT; i++) {
        if (od_slice_equal(name, od_slice_of(names[i])))
            return true;
    }
    return false;
}

const char *od_method_refusal(od_slice name)
{
    if (is_reserved(name))
        return "is a reserved method and cannot be called over RPC.";
    if (name.size > 0 && name.at[0] == '_')
        return "is private, because its name begins with _, and cannot be called over RPC.";
    if (name.size > OD_METHOD_BYTES_MAX)
        return "is too long for the name of a method.";
    return NULL;
}

// (metatable of instances, name) -> the class's field of that name.
static int look_up(lua_State *L)
{
    lua_getfield(L, 1, "__index");
    lua_pushvalue(L, 2);
    lua_gettable(L, -2);
    return 1;
}

static void remember(lua_State *L, const struct od_class *class, od_slice name)
{
    OD_ASSERT(lua_type(L, -1) == LUA_TFUNCTION);
    lua_rawgeti(L, LUA_REGISTRYINDEX, class->methods_ref);
    lua_pushlstring(L, name.at, name.size);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static bool find(lua_State *L, const struct od_class *class, od_slice name)
{
    lua_pushcfunction(L, look_up);
    lua_rawgeti(L, LUA_REGISTRYINDEX, class->metatable_ref);
    lua_pushlstring(L, name.at, name.size);
    if (lua_pcall(L, 2, 1, 0) == 0 && lua_type(L, -1) == LUA_TFUNCTION)
        return true;
    lua_pop(L, 1);
    return false;
}

bool od_class_push_method(lua_State *L, const struct od_class *class, od_slice name)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, class->methods_ref);
    lua_pushlstring(L, name.at, name.size);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (lua_type(L, -1) == LUA_TFUNCTION)
        return true;
    lua_pop(L, 1);
    if (od_method_refusal(name) != NULL || !find(L, class, name))
        return false;
    remember(L, class, name);
    return true;
}

bool od_class_push_own(lua_State *L, const struct od_class *class, od_slice name)
{
    return !is_reserved(name) && find(L, class, name);
}

static void try_methods(lua_State *L, const struct od_class *class, struct od_suggest *suggest)
{
    int top = lua_gettop(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, class->metatable_ref);
    lua_pushliteral(L, "__index");
    lua_rawget(L, -2);
    OD_ASSERT(lua_istable(L, -1));
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TFUNCTION)
            continue;
        const char *method = lua_tostring(L, -2);
        if (od_method_refusal(od_slice_of(method)) == NULL)
            od_suggest_try(suggest, method);
    }
    lua_settop(L, top);
}

const char *od_class_nearest(lua_State *L, const struct od_class *class, od_slice name)
{
    char word[OD_SUGGEST_BYTES_MAX + 1];
    if (name.size > OD_SUGGEST_BYTES_MAX)
        return NULL;
    snprintf(word, sizeof word, "%.*s", (int)name.size, name.at);
    struct od_suggest suggest = {.word = word};
    try_methods(L, class, &suggest);
    return suggest.name;
}

// A method may be called webSocketCloseAll: what is meant to be a handler is nearer to its name.
void od_class_miss(lua_State *L, struct od_class *class, enum od_handler handler, const char *label)
{
    enum {
        mistakes_max = 2
    };
    OD_ASSERT(handler < OD_HANDLER_COUNT);
    if (class->has_missed[handler])
        return;
    class->has_missed[handler] = true;
    struct od_suggest suggest = {.word = names[handler]};
    try_methods(L, class, &suggest);
    if (suggest.name != NULL && suggest.mistakes <= mistakes_max)
        od_log(OD_LOG_WARN, label, "the class has no %s; is its function '%s' a misspelt one?",
               names[handler], suggest.name);
}
