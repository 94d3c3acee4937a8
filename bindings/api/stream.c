#include "api/stream.h"

#include <string.h>

#include <lauxlib.h>

#include "api/event_stream.h"
#include "base/log.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "link/request.h"
#include "object/branch.h"
#include "object/limits.h"
#include "object/sink.h"
#include "object/stream.h"
#include "value/http_message.h"
#include "value/raise.h"

static const char client_has_gone[] = "write: the client has gone";

struct body {
    uint32_t worker;
    uint64_t stream;
    bool is_own; // Of a function that runs beside: nobody has got it yet.
};

// --- The function of a response ------------------------------------------------------------------

static bool take_function(lua_State *L, int index, struct od_http_part *part)
{
    struct od_engine *engine = od_engine_of(L);
    struct od_coroutine *coroutine = engine->task->thread;
    OD_ASSERT(coroutine != NULL);
    lua_pushvalue(L, index);
    coroutine->body_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    *part = (struct od_http_part){OD_RESPONSE_STREAM, engine->objects->worker,
                                  od_stream_new(engine->task)->id};
    return true;
}

// The body of the request that [task] handles, when it is first asked for.
static struct od_sink *arrive(struct od_task *task, const struct body *body)
{
    struct od_request request;
    task = od_branch_root(task);
    if (task->has_body || task->event == NULL || task->event->kind != OD_EVENT_FETCH ||
        !od_request_read(od_event_bytes(task->event), &request) || request.stream != body->stream ||
        request.worker != body->worker)
        return NULL;
    task->has_body = true;
    return od_sink_arrive(task, body->worker, body->stream);
}

static struct od_sink *sink_of(struct od_task *task, const struct body *body)
{
    struct od_task *asks = task;
    for (; task != NULL; task = task->trunk) {
        OD_LIST_EACH (link, &task->sinks) {
            struct od_sink *sink = OD_LIST_MEMBER(link, struct od_sink, link);
            if (sink->worker == body->worker && sink->stream == body->stream)
                return sink;
        }
    }
    return arrive(asks, body);
}

// Whoever gets it opens it.
static bool take_unread(lua_State *L, int index, struct od_http_part *part, struct od_error *err)
{
    const struct body *body = od_userdata_test(L, index, OD_USERDATA_BODY);
    if (body != NULL && body->is_own) {
        *part = (struct od_http_part){OD_RESPONSE_STREAM, body->worker, body->stream};
        return true;
    }
    struct od_sink *sink = body == NULL ? NULL : sink_of(od_engine_of(L)->task, body);
    if (sink == NULL || sink->is_open)
        return od_error_set(err, "the body has been read in part, or was got by another handler");
    od_sink_forget(sink);
    *part = (struct od_http_part){OD_RESPONSE_STREAM, body->worker, body->stream};
    return true;
}

static bool response_stream(lua_State *L, int index, struct od_http_part *part,
                            struct od_error *err)
{
    struct od_end *events = od_userdata_test(L, index, OD_USERDATA_EVENT_STREAM);
    if (lua_isfunction(L, index))
        return take_function(L, index, part);
    if (events == NULL)
        return take_unread(L, index, part, err);
    part->kind = OD_RESPONSE_EVENTS;
    return od_event_stream_take(L, events, part, err);
}

// Of a HEAD nobody wants the body, so its function is not called.
static bool wants_body(const struct od_task *task)
{
    struct od_request request;
    bool is_request = od_request_read(od_event_bytes(task->event), &request);
    OD_ASSERT(is_request);
    return !od_slice_equal(request.method, OD_SLICE("HEAD"));
}

void od_stream_drop_function(struct od_engine *engine, struct od_task *task)
{
    struct od_coroutine *coroutine = task->thread;
    struct od_stream *stream = od_stream_find(engine->objects, task->stream);
    luaL_unref(engine->L, LUA_REGISTRYINDEX, coroutine->body_ref);
    coroutine->body_ref = LUA_NOREF;
    if (stream != NULL)
        od_stream_break(stream);
}

bool od_stream_push_function(struct od_engine *engine, const struct od_task *task)
{
    struct od_coroutine *coroutine = task->thread;
    if (coroutine->body_ref == LUA_NOREF || coroutine->writes_body)
        return false;
    struct od_stream *stream = od_stream_find(engine->objects, task->stream);
    lua_State *L = coroutine->L;
    coroutine->writes_body = true;
    if (stream == NULL || !wants_body(task)) {
        if (stream != NULL)
            od_stream_end(stream);
        return false;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, coroutine->body_ref);
    uint64_t *number = od_userdata_push(L, OD_USERDATA_STREAM, sizeof *number);
    *number = stream->id;
    return true;
}

bool od_stream_is_written(const struct od_task *task)
{
    const struct od_coroutine *coroutine = task->thread;
    return coroutine->writes_body && task->stream != 0;
}

static void say_short(const struct od_stream *stream)
{
    od_log(OD_LOG_ERROR, stream->object->label,
           "the function of a response has returned, and its body lacks %llu bytes of what "
           "content-length says: it is cut",
           (unsigned long long)stream->left_bytes);
}

void od_stream_function_ended(struct od_task *task, bool is_whole)
{
    struct od_stream *stream = od_stream_find(task->object->objects, task->stream);
    if (stream == NULL)
        return;
    bool is_short = is_whole && stream->is_counted && stream->left_bytes > 0;
    if (is_short && !stream->is_left)
        say_short(stream);
    if (is_whole && !is_short)
        od_stream_end(stream);
    else
        od_stream_break(stream);
}

bool od_stream_is_unwanted(const struct od_task *task)
{
    const struct od_coroutine *coroutine = task->thread;
    const struct od_stream *stream = od_stream_find(task->object->objects, task->stream);
    if (stream == NULL || !stream->is_left || lua_type(coroutine->L, -1) != LUA_TSTRING)
        return false;
    const char *text = lua_tostring(coroutine->L, -1);
    size_t size = strlen(text), of_end = sizeof client_has_gone - 1;
    return size >= of_end && strcmp(text + size - of_end, client_has_gone) == 0;
}

// --- Writing -------------------------------------------------------------------------------------

static struct od_stream *check_stream(lua_State *L, uint64_t id)
{
    const struct od_engine *engine = od_engine_of(L);
    const struct od_object *object = od_engine_object(L, "write");
    struct od_stream *stream = od_stream_find(engine->objects, id);
    if (stream == NULL || stream->has_ended)
        od_raise(L, "write: the body has ended; what is written must be written before the "
                    "function of the response returns");
    if (stream->object != object)
        od_raise(L, "write: this stream belongs to the object %s", stream->object->label);
    if (stream->is_left)
        od_raise(L, "%s", client_has_gone);
    return stream;
}

static void check_length(lua_State *L, const struct od_stream *stream, size_t size)
{
    if (stream->is_counted && size > stream->left_bytes)
        od_raise(L, "write: %zu bytes are more than content-length says: %llu are left of it", size,
                 (unsigned long long)stream->left_bytes);
}

// put(stream, bytes, at): puts a piece of what is behind the first [at] bytes, and returns how many
// are put of all; or waits until it may go on, and returns nothing.
static int put(lua_State *L)
{
    const uint64_t *id = od_userdata_self(L, OD_USERDATA_STREAM, "write");
    od_slice bytes = od_check_string(L, 2, "write");
    size_t at = (size_t)lua_tointeger(L, 3);
    struct od_stream *stream = check_stream(L, *id);
    struct od_task *task = od_engine_of(L)->task;
    od_slice rest = od_slice_from(bytes, at);
    check_length(L, stream, rest.size);
    size_t room = od_stream_room(stream, task);
    if (room == 0 && rest.size > 0) {
        struct od_wait *wait = od_wait_prepare(L, "write");
        wait->number = stream->id;
        return od_wait_yield(L, OD_WAIT_STREAM);
    }
    size_t size = rest.size < OD_STREAM_PIECE_BYTES ? rest.size : OD_STREAM_PIECE_BYTES;
    size = size < room ? size : room;
    OD_ASSERT(size > 0 || rest.size == 0);
    if (size > 0)
        od_stream_put(stream, task, (od_slice){rest.at, size}, rest.size - size);
    lua_pushinteger(L, (lua_Integer)(at + size));
    return 1;
}

// open() -> stream, body: what the function that runs now writes to, and what names it in a
// request.
static int open_own(lua_State *L)
{
    struct od_engine *engine = od_engine_of(L);
    uint64_t id = od_stream_new(engine->task)->id;
    uint64_t *stream = od_userdata_push(L, OD_USERDATA_STREAM, sizeof *stream);
    *stream = id;
    struct body *body = od_userdata_push(L, OD_USERDATA_BODY, sizeof *body);
    *body = (struct body){.worker = engine->objects->worker, .stream = id, .is_own = true};
    return 2;
}

// close(whole) -> whether somebody reads it still.
static int close_own(lua_State *L)
{
    struct od_engine *engine = od_engine_of(L);
    const struct od_stream *stream = od_stream_find(engine->objects, engine->task->stream);
    bool is_read = stream != NULL && !stream->is_left;
    od_stream_function_ended(engine->task, lua_toboolean(L, 1));
    lua_pushboolean(L, is_read);
    return 1;
}

// --- Reading -------------------------------------------------------------------------------------

static void push_body(lua_State *L, uint32_t worker, uint64_t stream)
{
    struct body *body = od_userdata_push(L, OD_USERDATA_BODY, sizeof *body);
    *body = (struct body){.worker = worker, .stream = stream};
}

static int wait_for(lua_State *L, const struct od_sink *sink)
{
    if (sink->awaited_by != 0)
        od_raise(L, "the body is being read already, by something that runs beside this");
    struct od_wait *wait = od_wait_prepare(L, "chunks");
    wait->number = sink->id;
    return od_wait_yield(L, OD_WAIT_BODY);
}

// body:read(): the next piece, or false at the end; or waits for one, and returns nothing.
static int read_body(lua_State *L)
{
    const struct body *body = od_userdata_self(L, OD_USERDATA_BODY, "read");
    od_engine_object(L, "chunks");
    struct od_sink *sink = sink_of(od_engine_of(L)->task, body);
    if (sink == NULL)
        od_raise(L, "the body can be read only by the handler that got the answer, before it "
                    "returns it or ends");
    od_slice bytes = od_sink_peek(sink);
    if (bytes.size == 0 && !sink->has_ended)
        return wait_for(L, sink);
    if (bytes.size == 0 && !sink->is_whole)
        od_raise(L, "the body has been cut: who writes it has failed or is gone");
    if (bytes.size == 0) {
        lua_pushboolean(L, false);
        return 1;
    }
    lua_pushlstring(L, bytes.at, bytes.size);
    od_sink_take(sink, bytes.size);
    return 1;
}

// --- Opening -------------------------------------------------------------------------------------

static int no_field(lua_State *L)
{
    return od_userdata_no_field(L);
}

void od_lib_stream_open(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg body[] = {{"read", read_body}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"put", put}, {"open", open_own}, {"close", close_own}, {NULL, NULL}};
    od_userdata_define(L, OD_USERDATA_STREAM, none, no_field);
    od_userdata_define(L, OD_USERDATA_BODY, body, no_field);
    lua_pop(L, 2);
    od_embedded_put_native(L, "stream", functions);
    od_embedded_push(L, "engine.stream");
    od_userdata_add_table(L, OD_USERDATA_STREAM);
    od_response_stream = response_stream;
    od_response_stream_push = push_body;
}
