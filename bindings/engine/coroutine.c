#include "engine/coroutine.h"

#include <stdlib.h>
#include <sys/resource.h>

#include <lauxlib.h>

#include "engine/embedded.h"
#include "engine/engine.h"
#include "link/options.h"

static int running(lua_State *L)
{
    const struct od_task *task = od_engine_of(L)->task;
    const struct od_coroutine *coroutine = task == NULL ? NULL : task->thread;
    if (coroutine != NULL && coroutine->L == L)
        lua_pushnil(L);
    else
        lua_pushthread(L);
    return 1;
}

// Where the stack of the process is by now, which grows downward. One coroutine can still take what
// its Lua stack lets it: 65,500 slots, of which a gsub inside a gsub, the worst there is, takes
// eight and 9 kB of C. So half of the process's stack is kept for the last one.
static int has_room(lua_State *L)
{
    const char *here = __builtin_frame_address(0);
    struct od_engine *engine = od_engine_of(L);
    lua_pushboolean(L, engine->stack_base - here < (ptrdiff_t)(engine->stack_bytes / 2));
    return 1;
}

static void measure_stack(struct od_engine *engine)
{
    struct rlimit limit;
    bool is_known = getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < OD_STACK_BYTES;
    engine->stack_base = __builtin_frame_address(0);
    engine->stack_bytes = is_known ? (size_t)limit.rlim_cur : OD_STACK_BYTES;
}

void od_coroutines_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"has_room", has_room}, {"running", running}, {NULL, NULL}};
    measure_stack(od_engine_of(L));
    od_embedded_put_native(L, "coroutine", functions);
}

static void check(const struct od_coroutine *coroutine)
{
    OD_ASSERT(coroutine->L != NULL);
    OD_ASSERT(coroutine->ref != LUA_NOREF);
    OD_ASSERT(coroutine->deferred_done <= coroutine->deferred_count);
    OD_ASSERT(coroutine->deferred_ref != LUA_NOREF || coroutine->deferred_count == 0);
}

static void start(struct od_engine *engine, struct od_coroutine *coroutine)
{
    coroutine->L = lua_newthread(engine->L);
    coroutine->ref = luaL_ref(engine->L, LUA_REGISTRYINDEX);
    lua_rawgeti(coroutine->L, LUA_REGISTRYINDEX, engine->sockets_ref);
    lua_rawgeti(coroutine->L, LUA_REGISTRYINDEX, engine->selves_ref);
    lua_pushnil(coroutine->L);
    coroutine->page = 0;
    OD_ASSERT(lua_gettop(coroutine->L) == OD_COROUTINE_PLACES);
}

OD_SELDOM static struct od_coroutine *make(struct od_engine *engine)
{
    struct od_coroutine *coroutine = od_allocate_zeroed(sizeof *coroutine);
    coroutine->deferred_ref = coroutine->body_ref = LUA_NOREF;
    start(engine, coroutine);
    return coroutine;
}

struct od_coroutine *od_coroutine_take(struct od_engine *engine)
{
    struct od_coroutines *pool = &engine->coroutines;
    struct od_coroutine *coroutine = pool->first;
    if (coroutine == NULL)
        return make(engine);
    OD_ASSERT(pool->size > 0);
    pool->first = coroutine->next;
    pool->size--;
    return coroutine;
}

OD_SELDOM static void forget_functions(struct od_engine *engine, struct od_coroutine *coroutine)
{
    luaL_unref(engine->L, LUA_REGISTRYINDEX, coroutine->body_ref);
    coroutine->body_ref = LUA_NOREF;
    coroutine->writes_body = coroutine->keeps_aborts = false;
    luaL_unref(engine->L, LUA_REGISTRYINDEX, coroutine->deferred_ref);
    coroutine->deferred_ref = LUA_NOREF;
    coroutine->deferred_count = coroutine->deferred_done = 0;
}

void od_coroutine_give(struct od_engine *engine, struct od_coroutine *coroutine)
{
    struct od_coroutines *pool = &engine->coroutines;
    if (pool->size >= OD_COROUTINES_KEPT_MAX) {
        od_coroutine_drop(engine, coroutine);
        return;
    }
    if (coroutine->deferred_ref != LUA_NOREF || coroutine->body_ref != LUA_NOREF ||
        coroutine->keeps_aborts)
        forget_functions(engine, coroutine);
    coroutine->next = pool->first;
    pool->first = coroutine;
    pool->size++;
}

void od_coroutine_drop(struct od_engine *engine, struct od_coroutine *coroutine)
{
    check(coroutine);
    forget_functions(engine, coroutine);
    luaL_unref(engine->L, LUA_REGISTRYINDEX, coroutine->ref);
    free(coroutine);
}

void od_coroutine_renew(struct od_engine *engine, struct od_coroutine *coroutine)
{
    check(coroutine);
    luaL_unref(engine->L, LUA_REGISTRYINDEX, coroutine->ref);
    start(engine, coroutine);
}

void od_coroutines_deinit(struct od_engine *engine)
{
    while (engine->coroutines.first != NULL)
        od_coroutine_drop(engine, od_coroutine_take(engine));
}

void od_coroutine_defer(struct od_coroutine *coroutine, lua_State *L)
{
    check(coroutine);
    if (coroutine->deferred_ref == LUA_NOREF) {
        lua_newtable(L);
        coroutine->deferred_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, coroutine->deferred_ref);
    lua_insert(L, -2);
    lua_rawseti(L, -2, coroutine->deferred_count + 1);
    coroutine->deferred_count++;
    lua_pop(L, 1);
}

OD_SELDOM static void push_deferred(struct od_coroutine *coroutine)
{
    lua_rawgeti(coroutine->L, LUA_REGISTRYINDEX, coroutine->deferred_ref);
    lua_rawgeti(coroutine->L, -1, ++coroutine->deferred_done);
    lua_remove(coroutine->L, -2);
}

bool od_coroutine_push_deferred(struct od_coroutine *coroutine)
{
    bool is_there = coroutine->deferred_done < coroutine->deferred_count;
    if (is_there)
        push_deferred(coroutine);
    return is_there;
}
