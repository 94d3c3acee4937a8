#include "api/abort.h"

#include <lauxlib.h>

#include "engine/embedded.h"
#include "engine/engine.h"
#include "object/branch.h"
#include "value/raise.h"

static const char handler_key; // Its address is a key in the registry.

// Whole, as a number of Lua would round it.
static void push_key(lua_State *L, uint64_t task)
{
    lua_pushlstring(L, (const char *)&task, sizeof task);
}

static void push_kept(const struct od_engine *engine, lua_State *L, uint64_t task)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->aborts_ref);
    push_key(L, task);
    lua_rawget(L, -2);
    lua_remove(L, -2);
}

// Pops it.
static void keep(const struct od_engine *engine, lua_State *L, uint64_t task)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->aborts_ref);
    lua_insert(L, -2);
    push_key(L, task);
    lua_insert(L, -2);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

// on_abort(request, function)
static int on_abort(lua_State *L)
{
    struct od_engine *engine = od_engine_of(L);
    od_engine_object(L, "onAbort");
    od_check_function(L, 2, "onAbort");
    struct od_task *task = od_branch_root(engine->task);
    if (task->event == NULL || task->event->kind != OD_EVENT_FETCH)
        od_raise(L, "onAbort: call it in the fetch that handles the request");
    push_kept(engine, L, task->id);
    if (lua_isnil(L, -1)) {
        lua_newtable(L);
        lua_pushvalue(L, -1);
        keep(engine, L, task->id);
    }
    ((struct od_coroutine *)task->thread)->keeps_aborts = true;
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
    od_task_heed_asker(task);
    return 0;
}

bool od_abort_push_handler(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    push_kept(engine, L, task->event->task);
    bool is_there = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (!is_there)
        return false;
    lua_pushlightuserdata(L, (void *)(uintptr_t)&handler_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    return true;
}

int od_abort_push_functions(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    push_kept(engine, L, task->event->task);
    lua_pushnil(L);
    keep(engine, L, task->event->task);
    return 1;
}

void od_abort_forget(struct od_engine *engine, const struct od_task *task)
{
    lua_pushnil(engine->L);
    keep(engine, engine->L, task->id);
}

void od_lib_abort_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"on", on_abort}, {NULL, NULL}};
    od_embedded_put_native(L, "abort", functions);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&handler_key);
    od_embedded_push(L, "engine.abort");
    lua_rawset(L, LUA_REGISTRYINDEX);
}
