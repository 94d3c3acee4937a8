#include "instance.h"

#include <stdlib.h>

#include <lauxlib.h>

#include "engine.h"
#include "lib_state.h"
#include "raise.h"

static int reference_self(struct od_engine *engine, const struct od_instance *instance)
{
    lua_State *L = engine->L;
    lua_createtable(L, 0, 4);
    lua_rawgeti(L, LUA_REGISTRYINDEX, instance->state_ref);
    lua_setfield(L, -2, "state");
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->env_ref);
    lua_setfield(L, -2, "env");
    lua_rawgeti(L, LUA_REGISTRYINDEX, instance->class->metatable_ref);
    lua_setmetatable(L, -2);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

struct od_instance *od_instance_make(struct od_engine *engine, struct od_object *object)
{
    OD_ASSERT(object->instance == NULL);
    struct od_instance *instance = od_allocate_zeroed(sizeof *instance);
    object->instance = instance;
    instance->object = object;
    instance->class = od_class_find(&engine->classes, object->namespace);
    OD_ASSERT(instance->class != NULL);
    instance->handle = od_handles_put(&engine->instances, instance);
    od_state_push(engine->L, instance);
    instance->state_ref = luaL_ref(engine->L, LUA_REGISTRYINDEX);
    instance->self_ref = reference_self(engine, instance);
    return instance;
}

void od_instance_drop(struct od_engine *engine, struct od_object *object)
{
    struct od_instance *instance = object->instance;
    if (instance == NULL)
        return;
    luaL_unref(engine->L, LUA_REGISTRYINDEX, instance->self_ref);
    luaL_unref(engine->L, LUA_REGISTRYINDEX, instance->state_ref);
    od_handles_remove(&engine->instances, instance->handle);
    free(instance);
    object->instance = NULL;
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
