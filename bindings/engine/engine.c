#include "engine/engine.h"

#include "base/check.h"
#include "value/raise.h"

enum {
    scratch_kept_bytes = 1 << 20
};

struct od_engine *od_engine_of(lua_State *L)
{
    void *memory;
    lua_getallocf(L, &memory);
    return (struct od_engine *)(void *)((char *)memory - offsetof(struct od_engine, memory));
}

struct od_object *od_engine_object(lua_State *L, const char *call)
{
    struct od_engine *engine = od_engine_of(L);
    if (engine->task == NULL)
        od_raise(L, "%s: call it in a handler, not while the script is loaded", call);
    OD_ASSERT(engine->task->object->running == engine->task);
    return engine->task->object;
}

struct od_bytes *od_engine_scratch(struct od_engine *engine)
{
    if (engine->scratch.capacity > scratch_kept_bytes)
        od_bytes_deinit(&engine->scratch);
    od_bytes_clear(&engine->scratch);
    return &engine->scratch;
}

void od_engine_check(const struct od_engine *engine)
{
    OD_ASSERT(engine->L != NULL);
    OD_ASSERT(engine->objects != NULL);
    OD_ASSERT(engine->task == NULL);
    OD_ASSERT(!engine->memory.is_capped);
    OD_ASSERT(engine->gc_pace.cycles_left >= 0);
}
