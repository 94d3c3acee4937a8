#include "api/event_stream.h"

#include <string.h>

#include <lauxlib.h>

#include "api/state.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "object/client_end.h"
#include "object/limits.h"
#include "value/raise.h"

// --- In a Response -------------------------------------------------------------------------------

bool od_event_stream_take(lua_State *L, struct od_end *end, struct od_http_part *part,
                          struct od_error *err)
{
    const struct od_engine *engine = od_engine_of(L);
    bool is_remote = end->use == OD_END_REMOTE;
    if (is_remote && !od_client_end_is_there(engine->task, end->worker, end->socket))
        return od_error_set(err, "this event stream has ended: it must be returned by the handler "
                                 "whose fetch it came from");
    if (end->is_returned)
        return od_error_set(err, "this event stream was already used in a response");
    part->worker = is_remote ? end->worker : engine->objects->worker;
    part->number = end->socket;
    end->is_returned = true;
    return true;
}

// --- What is sent --------------------------------------------------------------------------------

static od_slice check_line(lua_State *L, int index, const char *call, const char *name)
{
    od_slice line = {NULL, 0};
    if (!od_option(L, index, call, name, LUA_TSTRING))
        return line;
    line.at = lua_tolstring(L, -1, &line.size);
    lua_pop(L, 1);
    if (!od_event_frame_is_line(line))
        od_raise(L, "%s: option '%s' cannot hold a line break or NUL", call, name);
    od_check_text(L, line, call, name);
    return line;
}

void od_event_check(lua_State *L, int index, const char *call, struct od_event_frame *frame)
{
    if (!od_check_options(L, index, call))
        return;
    frame->event = check_line(L, index, call, "event");
    frame->id = check_line(L, index, call, "id");
    frame->has_id = frame->id.at != NULL;
}

static struct od_end *self_of(lua_State *L, const char *call)
{
    struct od_end *end = od_userdata_self(L, OD_USERDATA_EVENT_STREAM, call);
    if (end->use != OD_END_ACCEPTED)
        od_raise(L, "%s: this is another object's event stream; it can only be returned", call);
    return end;
}

static int send_event(lua_State *L)
{
    static const char *const names[] = {"event", "id", NULL};
    struct od_end *end = self_of(L, "send");
    struct od_event_frame frame = {.data = od_check_string(L, 2, "send"), .has_data = true};
    if (lua_istable(L, 3))
        od_check_option_names(L, 3, "send", names);
    od_event_check(L, 3, "send", &frame);
    od_check_message(L, frame.data, false, "send");
    struct od_socket *socket = od_end_socket(L, end, "send");
    if (end->has_closed || (socket != NULL && !od_socket_send_event(socket, &frame)))
        od_raise(L, "send: this event stream was ended by close()");
    return 0;
}

static int close_events(lua_State *L)
{
    struct od_end *end = self_of(L, "close");
    struct od_socket *socket = od_end_socket(L, end, "close");
    end->has_closed = true;
    if (socket != NULL)
        od_socket_close(socket, 0, (od_slice){NULL, 0});
    return 0;
}

// --- state ---------------------------------------------------------------------------------------

// retry in the options at [index]; 0: none.
static uint32_t check_retry(lua_State *L, int index)
{
    static const char *const names[] = {"retry", NULL};
    if (!od_check_options(L, index, "acceptEventStream"))
        return 0;
    od_check_option_names(L, index, "acceptEventStream", names);
    if (!od_option(L, index, "acceptEventStream", "retry", LUA_TNUMBER))
        return 0;
    double ms = lua_tonumber(L, -1);
    if (!(ms >= 1 && ms <= 86400000))
        od_raise(L, "acceptEventStream: retry must be 1 to 86400000 milliseconds, got %.14g", ms);
    lua_pop(L, 1);
    return (uint32_t)ms;
}

// accept(state, tags, options): the event stream.
static int accept_events(lua_State *L)
{
    struct od_engine *engine = od_engine_of(L);
    struct od_object *object = od_state_self(L, "acceptEventStream");
    struct od_tags tags = od_check_tags(L, 2, "acceptEventStream");
    uint32_t retry_ms = check_retry(L, 3);
    struct od_socket *socket;
    struct od_error err;
    if (!od_socket_accept(object, engine->task, true, tags.at, tags.count, &socket, &err))
        od_raise(L, "%s", err.text);
    struct od_event_frame first = {.retry_ms = retry_ms};
    if (retry_ms > 0)
        (void)!od_socket_send_event(socket, &first);
    od_websocket_push(engine, L, socket->id);
    return 1;
}

void od_lib_event_stream_open(lua_State *L)
{
    static const luaL_Reg methods[] = {{"send", send_event}, {"close", close_events}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"accept", accept_events}, {NULL, NULL}};
    od_userdata_define(L, OD_USERDATA_EVENT_STREAM, methods, od_end_property);
    lua_pop(L, 1);
    od_userdata_add_functions(L, OD_USERDATA_EVENT_STREAM, od_end_methods);
    od_embedded_put_native(L, "events", functions);
}
