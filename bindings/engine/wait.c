#include "engine/wait.h"

#include "engine/engine.h"
#include "object/branch.h"
#include "object/password.h"
#include "object/pipe.h"
#include "object/sink.h"
#include "object/stream.h"
#include "value/http_message.h"
#include "value/raise.h"
#include "value/value.h"

static const char token; // Its address is what our yields yield.

void od_wait_deinit(struct od_wait *wait)
{
    od_bytes_deinit(&wait->bytes);
}

struct od_wait *od_wait_prepare(lua_State *L, const char *call)
{
    struct od_engine *engine = od_engine_of(L);
    od_engine_object(L, call);
    if (!lua_isyieldable(L))
        od_raise(L, "%s: cannot wait inside a callback of table.sort, string.gsub or require",
                 call);
    od_bytes_deinit(&engine->wait.bytes);
    engine->wait = (struct od_wait){0};
    return &engine->wait;
}

void od_wait_push_token(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&token);
}

int od_wait_yield(lua_State *L, enum od_wait_kind kind)
{
    OD_ASSERT(kind != OD_WAIT_NONE);
    OD_ASSERT(kind < OD_WAIT_KINDS);
    od_engine_of(L)->wait.kind = kind;
    lua_settop(L, 0);
    od_wait_push_token(L);
    return lua_yield(L, 1);
}

static enum od_wait_begun begin_sleep(struct od_task *task, const struct od_wait *wait)
{
    OD_ASSERT(wait->ms >= 0);
    od_task_wait_sleep(task, wait->ms);
    return OD_WAIT_BEGUN;
}

static enum od_wait_begun begin_sync(struct od_task *task, const struct od_wait *wait)
{
    (void)wait;
    return od_task_wait_sync(task) ? OD_WAIT_BEGUN : OD_WAIT_OVER;
}

static enum od_wait_begun begin_call(struct od_task *task, const struct od_wait *wait)
{
    OD_ASSERT(wait->bytes.size > 0);
    od_task_wait_call(task, od_bytes_slice(&wait->bytes));
    return OD_WAIT_BEGUN;
}

static enum od_wait_begun begin_fetch(struct od_task *task, const struct od_wait *wait)
{
    OD_ASSERT(wait->bytes.size > 0);
    od_task_wait_fetch(task, &wait->way, od_bytes_slice(&wait->bytes));
    return OD_WAIT_BEGUN;
}

static enum od_wait_begun begin_password(struct od_task *task, const struct od_wait *wait)
{
    od_task_wait_password(task, od_bytes_slice(&wait->bytes));
    return OD_WAIT_BEGUN;
}

static enum od_wait_begun begin_stream(struct od_task *task, const struct od_wait *wait)
{
    OD_ASSERT(wait->number != 0);
    struct od_stream *stream = od_stream_find(task->object->objects, wait->number);
    return stream != NULL && od_stream_wait(stream, task) ? OD_WAIT_BEGUN : OD_WAIT_OVER;
}

static enum od_wait_begun begin_body(struct od_task *task, const struct od_wait *wait)
{
    OD_ASSERT(wait->number != 0);
    struct od_sink *sink = od_sink_find(task->object->objects, wait->number);
    return sink != NULL && od_sink_wait(sink, task) ? OD_WAIT_BEGUN : OD_WAIT_OVER;
}

static enum od_wait_begun begin_read(struct od_task *task, const struct od_wait *wait)
{
    struct od_pipe *pipe = od_pipe_find(task->object->objects, wait->number);
    OD_ASSERT(pipe != NULL); // It was there when it was asked.
    od_pipe_wait_to_read(pipe, task, wait->size);
    return OD_WAIT_BEGUN;
}

static enum od_wait_begun begin_write(struct od_task *task, const struct od_wait *wait)
{
    struct od_pipe *pipe = od_pipe_find(task->object->objects, wait->number);
    OD_ASSERT(pipe != NULL);
    od_pipe_wait_to_write(pipe, task);
    return OD_WAIT_BEGUN;
}

// Each has its function on its coroutine, and begins when it is resumed.
static enum od_wait_begun begin_branches(struct od_task *task, const struct od_wait *wait)
{
    const struct od_coroutine *trunk = task->thread;
    struct od_engine *engine = od_engine_of(trunk->L);
    lua_State *L = engine->L;
    task->races = wait->races;
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->branches_ref);
    int count = (int)lua_objlen(L, -1);
    OD_ASSERT(count > 0);
    for (int i = 1; i <= count; i++) {
        struct od_coroutine *coroutine = od_coroutine_take(engine);
        coroutine->handler = OD_HANDLER_BRANCH;
        coroutine->waits_for = OD_WAIT_NONE;
        lua_rawgeti(L, -1, i);
        lua_xmove(L, coroutine->L, 1);
        od_branch_new(task)->thread = coroutine;
    }
    lua_pop(L, 1);
    lua_pushboolean(L, false);
    lua_rawseti(L, LUA_REGISTRYINDEX, engine->branches_ref);
    return OD_WAIT_BEGUN;
}

void od_wait_give_up(struct od_object *object, enum od_wait_kind kind, const struct od_failure *why)
{
    OD_ASSERT(kind == OD_WAIT_RESET || kind == OD_WAIT_ABORT || kind == OD_WAIT_ABORT_ALARM);
    if (kind == OD_WAIT_RESET)
        od_object_reset_for(object, why);
    else
        od_object_abort(object, why->message, kind == OD_WAIT_ABORT);
}

static enum od_wait_begun begin_give_up(struct od_task *task, const struct od_wait *wait)
{
    struct od_failure why;
    bool is_whole = od_failure_read(od_bytes_slice(&wait->bytes), &why);
    OD_ASSERT(is_whole);
    od_wait_give_up(task->object, wait->kind, &why);
    return OD_WAIT_LAST;
}

// Its object is reset when this stretch is over, so nobody would come back to it; and to wait for
// the disk would write what the reset takes back.
static bool is_its_last(const struct od_task *task, enum od_wait_kind kind)
{
    bool gives_up = kind == OD_WAIT_RESET || kind == OD_WAIT_ABORT || kind == OD_WAIT_ABORT_ALARM;
    return task->object->is_reset && !gives_up;
}

enum od_wait_begun od_wait_begin(struct od_engine *engine, struct od_task *task)
{
    static enum od_wait_begun (*const begin[])(struct od_task *, const struct od_wait *) = {
        [OD_WAIT_SLEEP] = begin_sleep,         [OD_WAIT_SYNC] = begin_sync,
        [OD_WAIT_CALL] = begin_call,           [OD_WAIT_METHOD] = begin_call,
        [OD_WAIT_RESET] = begin_give_up,       [OD_WAIT_ABORT] = begin_give_up,
        [OD_WAIT_ABORT_ALARM] = begin_give_up, [OD_WAIT_FETCH] = begin_fetch,
        [OD_WAIT_BRANCHES] = begin_branches,   [OD_WAIT_PASSWORD] = begin_password,
        [OD_WAIT_STREAM] = begin_stream,       [OD_WAIT_BODY] = begin_body,
        [OD_WAIT_READ] = begin_read,           [OD_WAIT_WRITE] = begin_write,
    };
    struct od_coroutine *coroutine = task->thread;
    struct od_wait *wait = &engine->wait;
    bool is_ours = lua_touserdata(coroutine->L, 1) == &token;
    lua_settop(coroutine->L, 0);
    if (!is_ours)
        return OD_WAIT_FOREIGN;
    OD_ASSERT(wait->kind != OD_WAIT_NONE);
    OD_ASSERT(wait->kind < sizeof begin / sizeof *begin);
    coroutine->waits_for = wait->kind;
    enum od_wait_begun begun =
        is_its_last(task, wait->kind) ? OD_WAIT_LAST : begin[wait->kind](task, wait);
    wait->kind = OD_WAIT_NONE;
    return begun;
}

static int push_response(lua_State *L, od_slice bytes)
{
    od_response_push(L, bytes);
    return 1;
}

static int push_bytes(lua_State *L, od_slice bytes)
{
    lua_pushlstring(L, bytes.at, bytes.size);
    return 1;
}

// -1: they are none.
static int push_results(lua_State *L, od_slice bytes)
{
    struct od_error err;
    return od_values_decode(L, bytes, &err);
}

static int push_failure(lua_State *L, od_slice record)
{
    lua_pushboolean(L, false);
    lua_pushlstring(L, record.at, record.size);
    return 2;
}

// Another worker has written it; if that one was taken over, this one goes on.
static int push_unreadable(lua_State *L)
{
    struct od_bytes record = {0};
    struct od_failure failure = {.message = OD_SLICE("the answer of the object cannot be read")};
    od_failure_put(&record, &failure);
    int count = push_failure(L, od_bytes_slice(&record));
    od_bytes_deinit(&record);
    return count;
}

int od_wait_push_result(lua_State *L, enum od_wait_kind kind, bool ok, od_slice bytes)
{
    OD_ASSERT(kind < OD_WAIT_KINDS);
    static int (*const push[OD_WAIT_KINDS])(lua_State *,
                                            od_slice) = {[OD_WAIT_CALL] = push_response,
                                                         [OD_WAIT_FETCH] = push_response,
                                                         [OD_WAIT_METHOD] = push_results,
                                                         [OD_WAIT_PASSWORD] = push_bytes};
    if (push[kind] == NULL)
        return 0;
    if (!ok)
        return push_failure(L, bytes);
    lua_pushboolean(L, true);
    int count = push[kind](L, bytes);
    if (count >= 0)
        return 1 + count;
    lua_settop(L, 0);
    return push_unreadable(L);
}
