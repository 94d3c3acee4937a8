#include "instance.h"

#include <stdlib.h>

#include "engine.h"
#include "lib_state.h"
#include "lib_timer.h"
#include "raise.h"

// All `self` stand in one table, at the place of their handle, and not in the registry: this can be
// made anew when it has become too large, that cannot.
static void keep_self(struct od_engine *engine, const struct od_instance *instance)
{
    lua_State *L = engine->L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->selves_ref);
    lua_insert(L, -2);
    lua_rawseti(L, -2, (int)instance->handle.place);
    lua_pop(L, 1);
}

static void push_new_self(struct od_engine *engine, const struct od_instance *instance)
{
    lua_State *L = engine->L;
    lua_createtable(L, 0, 4);
    od_state_push(L, instance);
    lua_setfield(L, -2, "state");
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->env_ref);
    lua_setfield(L, -2, "env");
    lua_rawgeti(L, LUA_REGISTRYINDEX, instance->class->metatable_ref);
    lua_setmetatable(L, -2);
}

struct od_instance *od_instance_make(struct od_engine *engine, struct od_object *object)
{
    OD_ASSERT(object->instance == NULL);
    struct od_instance *instance = od_allocate_zeroed(sizeof *instance);
    object->instance = instance;
    instance->object = object;
    instance->timers_ref = LUA_NOREF;
    instance->class = od_class_find(&engine->classes, object->namespace);
    OD_ASSERT(instance->class != NULL);
    instance->handle = od_handles_put(&engine->instances, instance);
    push_new_self(engine, instance);
    keep_self(engine, instance);
    engine->tidy.live++;
    return instance;
}

void od_instance_push(struct od_engine *engine, lua_State *L, const struct od_instance *instance)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->selves_ref);
    lua_rawgeti(L, -1, (int)instance->handle.place);
    lua_remove(L, -2);
}

void od_instance_push_state(lua_State *L, int self)
{
    lua_pushliteral(L, "state");
    lua_rawget(L, self);
}

void od_instance_drop(struct od_engine *engine, struct od_object *object)
{
    struct od_instance *instance = object->instance;
    if (instance == NULL)
        return;
    lua_pushnil(engine->L);
    keep_self(engine, instance);
    od_timers_drop(engine->L, instance);
    od_handles_remove(&engine->instances, instance->handle);
    engine->tidy.live--;
    engine->tidy.dropped++;
    free(instance);
    object->instance = NULL;
}

void od_instances_fit(struct od_engine *engine)
{
    lua_State *L = engine->L;
    od_handles_fit(&engine->instances);
    lua_newtable(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->selves_ref);
    for (uint32_t place = 1; place < engine->instances.size; place++) {
        lua_rawgeti(L, -1, (int)place);
        lua_rawseti(L, -3, (int)place);
    }
    lua_pop(L, 1);
    lua_rawseti(L, LUA_REGISTRYINDEX, engine->selves_ref);
}

struct od_object *od_instance_object(lua_State *L, od_handle handle, const char *call)
{
    const struct od_engine *engine = od_engine_of(L);
    const struct od_instance *instance = od_handles_find(&engine->instances, handle);
    if (instance == NULL)
        od_raise(L,
                 "%s: this belongs to an instance that is gone (its object slept, was reset or "
                 "got new code); use self.state of the instance that runs",
                 call);
    if (engine->task == NULL || engine->task->object != instance->object)
        od_raise(L, "%s: this belongs to the object %s and can be used in its own handlers only",
                 call, instance->object->label);
    return instance->object;
}
