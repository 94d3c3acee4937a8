#include "self.h"

#include "api/state.h"
#include "api/timer.h"
#include "engine/engine.h"
#include "engine/instance.h"

static void push_new_self(struct od_engine *engine, const struct od_instance *instance)
{
    OD_ASSERT(instance->class != NULL);
    lua_State *L = engine->L;
    lua_createtable(L, 0, 4);
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->state_name_ref);
    od_state_push(L, instance);
    lua_rawset(L, -3);
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->env_name_ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->env_ref);
    lua_rawset(L, -3);
    lua_rawgeti(L, LUA_REGISTRYINDEX, instance->class->metatable_ref);
    lua_setmetatable(L, -2);
}

// It is of the small blocks of the state (engine/blocks.h), like what it is for: a crowd of them
// that goes at once is nothing malloc forgets.
struct od_instance *od_self_make(struct od_engine *engine, struct od_object *object)
{
    od_engine_check(engine);
    OD_ASSERT(object->instance == NULL);
    OD_ASSERT(!engine->memory.is_capped);
    struct od_instance *instance = od_memory_allocate(&engine->memory, NULL, 0, sizeof *instance);
    object->instance = instance;
    *instance = (struct od_instance){.object = object, .timers_ref = LUA_NOREF};
    instance->class = od_class_find(&engine->classes, object->namespace);
    OD_ASSERT(instance->class != NULL);
    instance->handle = od_handles_put(&engine->instances, instance);
    push_new_self(engine, instance);
    od_instance_keep(engine, instance);
    engine->gc_pace.live++;
    return instance;
}

void od_self_drop(struct od_engine *engine, struct od_object *object)
{
    struct od_instance *instance = object->instance;
    if (instance == NULL)
        return;
    OD_ASSERT(instance->object == object);
    OD_ASSERT(engine->gc_pace.live > 0);
    lua_pushnil(engine->L);
    od_instance_keep(engine, instance);
    od_timers_drop(engine->L, instance);
    od_handles_remove(&engine->instances, instance->handle);
    engine->gc_pace.live--;
    engine->gc_pace.dropped++;
    od_memory_allocate(&engine->memory, instance, sizeof *instance, 0);
    object->instance = NULL;
}
