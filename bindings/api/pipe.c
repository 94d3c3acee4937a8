#include "api/pipe.h"

#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "engine/embedded.h"
#include "engine/engine.h"
#include "object/limits.h"
#include "object/pipe.h"
#include "value/raise.h"

#define CALL "connect"

struct connection {
    struct od_objects *objects; // The engine's; there as long as Lua is.
    uint64_t pipe;              // 0: none yet.
};

// --- Opening -------------------------------------------------------------------------------------

static void check_arguments(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TSTRING)
        od_raise(L, CALL ": argument 1 must be a string, got %s", od_describe(L, 1));
    if (lua_type(L, 2) != LUA_TNUMBER)
        od_raise(L, CALL ": argument 2 must be a number, got %s", od_describe(L, 2));
    if (!lua_isnil(L, 3) && !lua_istable(L, 3))
        od_raise(L, CALL ": argument 3 must be a table, got %s", od_describe(L, 3));
}

static uint32_t check_port(lua_State *L, int index)
{
    double port = lua_tonumber(L, index);
    if (!(port >= 1 && port <= UINT16_MAX) || port != floor(port))
        od_raise(L, CALL ": the port must be a whole number from 1 to %d, got %.14g", UINT16_MAX,
                 port);
    return (uint32_t)port;
}

static uint32_t check_timeout(lua_State *L, int index)
{
    if (!od_option(L, index, CALL, "timeout", LUA_TNUMBER))
        return OD_OUTGOING_MS;
    double ms = lua_tonumber(L, -1);
    lua_pop(L, 1);
    if (!(ms >= 1 && ms <= OD_OUTGOING_MS_MAX))
        od_raise(L, CALL ": timeout must be 1 to %d milliseconds, got %.14g", OD_OUTGOING_MS_MAX,
                 ms);
    return (uint32_t)ms;
}

static void check_lookup(lua_State *L, struct od_url *target, bool is_secure)
{
    struct od_error err;
    od_slice host = od_check_string(L, 1, CALL);
    if (od_pipe_target(target, host, check_port(L, 2), is_secure, &err))
        return;
    od_url_deinit(target);
    od_raise(L, CALL ": \"%.*s\": %s", (int)(host.size < 100 ? host.size : 100), host.at, err.text);
}

// begin(host, port, options): the connection, which is not there yet.
static int begin(lua_State *L)
{
    static const char *const names[] = {"tls", "timeout", NULL};
    struct od_object *object = od_engine_object(L, CALL);
    struct od_url target = {0};
    struct od_error err;
    uint32_t timeout_ms = OD_OUTGOING_MS;
    bool is_secure = false;
    lua_settop(L, 3);
    check_arguments(L);
    if (lua_istable(L, 3)) {
        od_check_option_names(L, 3, CALL, names);
        timeout_ms = check_timeout(L, 3);
        is_secure = od_option_flag(L, 3, CALL, "tls");
    }
    (void)od_wait_prepare(L, CALL); // Where nothing can wait, nothing is opened.
    struct connection *connection = od_userdata_push(L, OD_USERDATA_PIPE, sizeof *connection);
    *connection = (struct connection){.objects = object->objects};
    check_lookup(L, &target, is_secure);
    struct od_pipe *pipe = od_pipe_open(object, &target, timeout_ms, &err);
    if (pipe == NULL)
        od_raise(L, CALL ": %s", err.text);
    connection->pipe = pipe->id;
    return 1;
}

// Collected: nobody can close it any more.
static int lose(lua_State *L)
{
    const struct connection *connection = od_userdata_test(L, 1, OD_USERDATA_PIPE);
    OD_ASSERT(connection != NULL);
    struct od_pipe *pipe =
        connection->pipe == 0 ? NULL : od_pipe_find(connection->objects, connection->pipe);
    if (pipe != NULL)
        od_pipe_forget(pipe);
    return 0;
}

static struct od_pipe *find(lua_State *L, const char *call)
{
    const struct connection *connection = od_userdata_self(L, OD_USERDATA_PIPE, call);
    const struct od_object *object = od_engine_object(L, call);
    struct od_pipe *pipe = od_pipe_find(connection->objects, connection->pipe);
    if (pipe != NULL && pipe->object != object)
        od_raise(L, "%s: this connection belongs to the object %s", call, pipe->object->label);
    return pipe == NULL || pipe->is_closing ? NULL : pipe;
}

static struct od_pipe *check_pipe(lua_State *L, const char *call)
{
    struct od_pipe *pipe = find(L, call);
    if (pipe == NULL)
        od_raise(L, "%s: the connection is closed: by close(), or with the instance that opened it",
                 call);
    return pipe;
}

static int wait_to_read(lua_State *L, const struct od_pipe *pipe, const char *call, size_t size)
{
    struct od_wait *wait = od_wait_prepare(L, call);
    wait->number = pipe->id;
    wait->size = size;
    return od_wait_yield(L, OD_WAIT_READ);
}

// opened(connection): true once it is there; or waits, and returns nothing. What failed is freed:
// nobody has got it.
static int opened(lua_State *L)
{
    struct od_pipe *pipe = check_pipe(L, CALL);
    if (pipe->wire == NULL && !od_pipe_is_broken(pipe))
        return wait_to_read(L, pipe, CALL, 0);
    if (od_pipe_is_broken(pipe)) {
        lua_pushlstring(L, pipe->target.host.at, pipe->target.host.size);
        lua_pushlstring(L, pipe->why.at, pipe->why.size);
        od_pipe_free(pipe);
        od_raise(L, CALL " %s: %s", lua_tostring(L, -2), lua_tostring(L, -1));
    }
    lua_pushboolean(L, true);
    return 1;
}

// --- Reading -------------------------------------------------------------------------------------

enum what {
    ANY,
    LINE,
    BYTES
};

static enum what check_what(lua_State *L, size_t *size)
{
    *size = 0;
    if (lua_isnoneornil(L, 2))
        return ANY;
    if (lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "line") == 0)
        return LINE;
    if (lua_type(L, 2) != LUA_TNUMBER)
        od_raise(L, "read: argument 1 must be a number of bytes, \"line\" or nothing, got %s",
                 od_describe(L, 2));
    double count = lua_tonumber(L, 2);
    if (!(count >= 1 && count <= OD_PIPE_READ_BYTES_MAX) || count != floor(count))
        od_raise(L, "read: a number of bytes must be whole, from 1 to %u, got %.14g",
                 OD_PIPE_READ_BYTES_MAX, count);
    *size = (size_t)count;
    return BYTES;
}

// How many bytes there are of what is wanted, with the end of a line; 0: not yet.
static size_t size_of_line(lua_State *L, struct od_pipe *pipe)
{
    const char *from = pipe->in.at + pipe->searched;
    const char *end =
        pipe->in.size == 0 ? NULL : memchr(from, '\n', pipe->in.size - pipe->searched);
    size_t size = end == NULL ? pipe->in.size : (size_t)(end - pipe->in.at) + 1;
    if (size > OD_PIPE_LINE_BYTES_MAX)
        od_raise(L, "read: the line is longer than %u bytes", OD_PIPE_LINE_BYTES_MAX);
    pipe->searched = end == NULL ? size : 0;
    return end == NULL ? 0 : size;
}

static size_t size_there(lua_State *L, struct od_pipe *pipe, enum what what, size_t wanted)
{
    if (what == LINE)
        return size_of_line(L, pipe);
    if (what == ANY)
        return pipe->in.size;
    return pipe->in.size >= wanted ? wanted : 0;
}

static int give(lua_State *L, struct od_pipe *pipe, enum what what, size_t size)
{
    size_t shown = size;
    if (what == LINE) {
        shown--;
        shown -= shown > 0 && pipe->in.at[shown - 1] == '\r';
    }
    lua_pushboolean(L, true);
    lua_pushlstring(L, pipe->in.at, shown);
    od_pipe_take(pipe, size);
    return 2;
}

// What is a part of a whole must not be taken for one.
static int give_end(lua_State *L, const struct od_pipe *pipe)
{
    if (!pipe->has_ended)
        od_raise(L, "read: %.*s", (int)pipe->why.size, pipe->why.at);
    if (pipe->in.size > 0)
        od_raise(L,
                 "read: the peer has ended in the middle of it: %zu bytes have come, which "
                 "read() gives",
                 pipe->in.size);
    lua_pushboolean(L, true);
    lua_pushnil(L);
    return 2;
}

// take(connection, what): true and the bytes, nil at the end; or waits, and returns nothing.
static int take(lua_State *L)
{
    size_t wanted;
    struct od_pipe *pipe = check_pipe(L, "read");
    const struct od_task *task = od_engine_of(L)->task;
    enum what what = check_what(L, &wanted);
    if (od_pipe_is_read(pipe, task))
        od_raise(L, "read: another handler reads this connection already");
    if (pipe->tls != OD_PIPE_TLS_NONE && !od_pipe_is_broken(pipe))
        od_raise(L, "read: another handler is in the middle of startTls");
    size_t size = size_there(L, pipe, what, wanted);
    if (size > 0)
        return give(L, pipe, what, size);
    if (pipe->has_ended || od_pipe_is_broken(pipe))
        return give_end(L, pipe);
    if (od_pipe_is_late(pipe))
        od_raise(L, "read: it has not come within %u ms (the option timeout)", pipe->timeout_ms);
    return wait_to_read(L, pipe, "read", wanted);
}

// --- Writing -------------------------------------------------------------------------------------

static void check_writable(lua_State *L, struct od_pipe *pipe, const struct od_task *task)
{
    if (od_pipe_is_written(pipe, task))
        od_raise(L, "write: another handler is in the middle of a write");
    if (od_pipe_is_broken(pipe))
        od_raise(L, "write: %.*s", (int)pipe->why.size, pipe->why.at);
    if (pipe->tls != OD_PIPE_TLS_NONE)
        od_raise(L, "write: another handler is in the middle of startTls");
}

// put(connection, bytes, at): puts a piece of what is behind the first [at] bytes, and returns how
// many are put of all; or waits until it may go on, and returns nothing.
static int put(lua_State *L)
{
    struct od_pipe *pipe = check_pipe(L, "write");
    od_slice bytes = od_check_string(L, 2, "write");
    size_t at = (size_t)lua_tointeger(L, 3);
    const struct od_task *task = od_engine_of(L)->task;
    OD_ASSERT(at <= bytes.size);
    check_writable(L, pipe, task);
    od_slice rest = od_slice_from(bytes, at);
    size_t room = od_pipe_room(pipe);
    if (room == 0 && rest.size > 0) {
        struct od_wait *wait = od_wait_prepare(L, "write");
        wait->number = pipe->id;
        return od_wait_yield(L, OD_WAIT_WRITE);
    }
    size_t size = rest.size < room ? rest.size : room;
    if (size > 0)
        od_pipe_put(pipe, task, (od_slice){rest.at, size}, rest.size - size);
    lua_pushinteger(L, (lua_Integer)(at + size));
    return 1;
}

// --- TLS on a connection that is there -----------------------------------------------------------

static int secure(lua_State *L)
{
    struct od_pipe *pipe = check_pipe(L, "startTls");
    const struct od_task *task = od_engine_of(L)->task;
    (void)od_wait_prepare(L, "startTls");
    if (od_pipe_is_secure(pipe))
        od_raise(L, "startTls: this connection has TLS already");
    if (od_pipe_is_read(pipe, task) || od_pipe_is_written(pipe, task))
        od_raise(L, "startTls: another handler reads from this connection or writes to it");
    if (od_pipe_is_broken(pipe))
        od_raise(L, "startTls: %.*s", (int)pipe->why.size, pipe->why.at);
    if (pipe->in.size > 0)
        od_raise(L,
                 "startTls: %zu bytes have come that are not read; they are not of TLS, and nobody "
                 "knows whose they are",
                 pipe->in.size);
    od_pipe_secure(pipe);
    return 0;
}

// secured(connection): true once it has TLS; or waits, and returns nothing.
static int secured(lua_State *L)
{
    struct od_pipe *pipe = check_pipe(L, "startTls");
    if (od_pipe_is_broken(pipe))
        od_raise(L, "startTls %.*s: %.*s", (int)pipe->target.host.size, pipe->target.host.at,
                 (int)pipe->why.size, pipe->why.at);
    if (pipe->tls != OD_PIPE_TLS_NONE)
        return wait_to_read(L, pipe, "startTls", 0);
    lua_pushboolean(L, true);
    return 1;
}

static int close_pipe(lua_State *L)
{
    struct od_pipe *pipe = find(L, "close");
    if (pipe != NULL)
        od_pipe_close(pipe);
    return 0;
}

static int no_field(lua_State *L)
{
    return od_userdata_no_field(L);
}

void od_lib_pipe_open(lua_State *L)
{
    static const luaL_Reg methods[] = {{"close", close_pipe}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"begin", begin}, {"opened", opened}, {"take", take},
                                         {"put", put},     {"secure", secure}, {"secured", secured},
                                         {NULL, NULL}};
    od_userdata_define(L, OD_USERDATA_PIPE, methods, no_field);
    lua_pushcfunction(L, lose);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    od_embedded_put_native(L, "pipe", functions);
    od_embedded_push(L, "engine.pipe");
    lua_getfield(L, -1, "methods");
    od_userdata_add_table(L, OD_USERDATA_PIPE);
    lua_getfield(L, -1, "connect");
    od_embedded_put_runtime(L, "connect");
    lua_pop(L, 1);
}
