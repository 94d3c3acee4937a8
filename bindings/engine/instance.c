#include "engine/instance.h"

#include "engine/engine.h"
#include "value/raise.h"

void od_instance_push(struct od_engine *engine, lua_State *L, const struct od_instance *instance)
{
    OD_ASSERT(instance->handle.place > 0);
    OD_ASSERT(instance->handle.place < engine->instances.size);
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->selves_ref);
    lua_rawgeti(L, -1, (int)instance->handle.place);
    lua_replace(L, -2);
}

void od_instance_push_state(lua_State *L, int self)
{
    lua_pushliteral(L, "state");
    lua_rawget(L, self);
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
