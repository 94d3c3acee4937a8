#include "engine/instance.h"

#include "engine/engine.h"
#include "value/raise.h"

// All `self` stand in tables of so many, by the place of their handle, and these in one table. The
// collector goes through a table in one piece, and once more if anything was put into it meanwhile.
enum {
    page_places = 256
};

static int page_of(uint32_t place)
{
    return (int)(place / page_places) + 1;
}

static int place_in_page(uint32_t place)
{
    return (int)(place % page_places) + 1;
}

// Pushes the table in which the place is; false: nil, there is none.
static bool push_page(struct od_engine *engine, lua_State *L, int page)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->selves_ref);
    lua_rawgeti(L, -1, page);
    lua_replace(L, -2);
    return !lua_isnil(L, -1);
}

static void push_new_page(struct od_engine *engine, lua_State *L, int page)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->selves_ref);
    lua_createtable(L, page_places, 0);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, page);
    lua_remove(L, -2);
}

void od_instance_push(struct od_engine *engine, lua_State *L, const struct od_instance *instance)
{
    uint32_t place = instance->handle.place;
    OD_ASSERT(place > 0);
    OD_ASSERT(place < engine->instances.size);
    push_page(engine, L, page_of(place));
    lua_rawgeti(L, -1, place_in_page(place));
    lua_replace(L, -2);
}

static __attribute__((noinline)) void take_page(struct od_coroutine *coroutine, uint64_t page)
{
    lua_rawgeti(coroutine->L, OD_COROUTINE_SELVES, (int)(uint32_t)page);
    lua_replace(coroutine->L, OD_COROUTINE_PAGE);
    coroutine->page = page;
}

void od_instance_push_in(struct od_engine *engine, struct od_coroutine *coroutine,
                         const struct od_instance *instance)
{
    uint32_t place = instance->handle.place;
    OD_ASSERT(place > 0);
    // One that was given back is not the one that stands in its place now.
    uint64_t page = engine->selves_fits << 32 | (uint32_t)page_of(place);
    if (coroutine->page != page)
        take_page(coroutine, page);
    lua_rawgeti(coroutine->L, OD_COROUTINE_PAGE, place_in_page(place));
}

void od_instance_keep(struct od_engine *engine, const struct od_instance *instance)
{
    lua_State *L = engine->L;
    uint32_t place = instance->handle.place;
    OD_ASSERT(place > 0);
    if (!push_page(engine, L, page_of(place))) {
        lua_pop(L, 1);
        push_new_page(engine, L, page_of(place));
    }
    lua_insert(L, -2);
    lua_rawseti(L, -2, place_in_page(place));
    lua_pop(L, 1);
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
    engine->selves_fits++;
    int page = engine->instances.size == 0 ? 1 : page_of(engine->instances.size - 1) + 1;
    for (; push_page(engine, L, page); page++) {
        lua_pop(L, 1);
        lua_rawgeti(L, LUA_REGISTRYINDEX, engine->selves_ref);
        lua_pushnil(L);
        lua_rawseti(L, -2, page);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

struct od_instance *od_instance_find(lua_State *L, od_handle handle, const char *call)
{
    struct od_instance *instance = od_handles_find(&od_engine_of(L)->instances, handle);
    if (instance == NULL)
        od_raise(L,
                 "%s: this belongs to an instance that is gone (its object slept, was reset or "
                 "got new code); use self.state of the instance that runs",
                 call);
    return instance;
}

struct od_object *od_instance_object(lua_State *L, od_handle handle, const char *call)
{
    const struct od_engine *engine = od_engine_of(L);
    const struct od_instance *instance = od_instance_find(L, handle, call);
    if (engine->task == NULL || engine->task->object != instance->object)
        od_raise(L, "%s: this belongs to the object %s and can be used in its own handlers only",
                 call, instance->object->label);
    return instance->object;
}

struct od_object *od_instance_running(const struct od_engine *engine, od_handle handle)
{
    const struct od_instance *instance = od_handles_find(&engine->instances, handle);
    bool is_running =
        instance != NULL && engine->task != NULL && engine->task->object == instance->object;
    return is_running ? instance->object : NULL;
}
