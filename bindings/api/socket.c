#include "api/socket.h"

#include <string.h>

#include <lauxlib.h>

#include "base/utf8.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "object/client_end.h"
#include "object/limits.h"
#include "object/wish.h"
#include "value/http_message.h"
#include "value/raise.h"
#include "value/value.h"

// --- Ends ----------------------------------------------------------------------------------------

static struct od_end *push_end_of(lua_State *L, enum od_userdata kind, struct od_end content)
{
    struct od_end *end = od_userdata_push(L, kind, sizeof *end);
    *end = content;
    return end;
}

static struct od_end *push_end(lua_State *L, struct od_end content)
{
    return push_end_of(L, OD_USERDATA_WEBSOCKET, content);
}

struct od_end *od_end_test(lua_State *L, int index)
{
    struct od_end *end = od_userdata_test(L, index, OD_USERDATA_WEBSOCKET);
    return end != NULL ? end : od_userdata_test(L, index, OD_USERDATA_EVENT_STREAM);
}

// Two ends that keep each other alive through one table, which is the environment of both.
static int make_pair(lua_State *L)
{
    struct od_end *client = push_end(L, (struct od_end){.use = OD_END_NEW});
    struct od_end *server = push_end(L, (struct od_end){.use = OD_END_NEW});
    client->peer = server;
    server->peer = client;
    lua_createtable(L, 2, 0);
    for (int i = 1; i <= 2; i++) {
        lua_pushvalue(L, -4 + i);
        lua_rawseti(L, -2, i);
    }
    lua_pushvalue(L, -1);
    lua_setfenv(L, -4);
    lua_setfenv(L, -2);
    return 2;
}

struct od_end *od_check_websocket(lua_State *L, int index, const char *call)
{
    struct od_end *end = od_userdata_test(L, index, OD_USERDATA_WEBSOCKET);
    if (end == NULL)
        od_raise_argument(L, index, call, "a WebSocket");
    return end;
}

// Pushes what the table at [sockets] has for [id]; false: nil.
static bool push_known(lua_State *L, int sockets, uint64_t id)
{
    OD_ASSERT(id < (1ull << 53));
    lua_pushnumber(L, (lua_Number)id);
    lua_rawget(L, sockets);
    return lua_toboolean(L, -1);
}

void od_websocket_push(struct od_engine *engine, lua_State *L, uint64_t id)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->sockets_ref);
    if (!push_known(L, lua_gettop(L), id)) {
        lua_pop(L, 1);
        const struct od_socket *socket = od_socket_find(engine->objects, id);
        bool is_events = socket != NULL && socket->is_events;
        struct od_end *end =
            push_end_of(L, is_events ? OD_USERDATA_EVENT_STREAM : OD_USERDATA_WEBSOCKET,
                        (struct od_end){.use = OD_END_NEW});
        od_end_accept(engine, L, lua_gettop(L), end, id);
    }
    lua_replace(L, -2);
}

void od_websocket_push_from(struct od_engine *engine, lua_State *L, int sockets, uint64_t id)
{
    OD_ASSERT(sockets > 0);
    if (push_known(L, sockets, id))
        return;
    lua_pop(L, 1);
    od_websocket_push(engine, L, id);
}

void od_end_accept(struct od_engine *engine, lua_State *L, int index, struct od_end *end,
                   uint64_t id)
{
    OD_ASSERT(id != 0);
    OD_ASSERT(end->use == OD_END_NEW || end->use == OD_END_REMOTE);
    end->use = OD_END_ACCEPTED;
    end->socket = id;
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->sockets_ref);
    lua_pushnumber(L, (lua_Number)id);
    lua_pushvalue(L, index);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

// If it is that whose event runs, as mostly; else NULL.
static struct od_socket *running_socket(const struct od_engine *engine, const struct od_end *end)
{
    const struct od_event *event = engine->task == NULL ? NULL : engine->task->event;
    struct od_socket *running = event == NULL ? NULL : event->socket;
    bool is_it = running != NULL && running->id == end->socket && running->is_listed;
    return is_it ? running : NULL;
}

struct od_socket *od_end_socket(lua_State *L, const struct od_end *end, const char *call)
{
    const struct od_engine *engine = od_engine_of(L);
    struct od_socket *running = running_socket(engine, end);
    if (running != NULL)
        return running;
    struct od_socket *socket = od_socket_find(engine->objects, end->socket);
    if (socket != NULL && socket->object != od_engine_object(L, call))
        od_raise(L,
                 "%s: this WebSocket belongs to the object %s and can be used in its own handlers "
                 "only",
                 call, socket->object->label);
    return socket;
}

// --- In a Response -------------------------------------------------------------------------------

static bool take_remote(const struct od_engine *engine, struct od_end *end, uint32_t *worker,
                        uint64_t *socket, struct od_error *err)
{
    if (!od_client_end_is_there(engine->task, end->worker, end->socket))
        return od_error_set(err, "this WebSocket is closed: it must be accepted or returned by "
                                 "the handler whose fetch it came from");
    if (od_client_end_is_dialled(engine->task, end->worker, end->socket))
        return od_error_set(err, "this WebSocket leads to another server and cannot be returned; "
                                 "take it with state:acceptWebSocket, and pass on what it says");
    *worker = end->worker;
    *socket = end->socket;
    end->use = OD_END_RETURNED;
    return true;
}

static bool take_client(const struct od_engine *engine, struct od_end *end, uint32_t *worker,
                        uint64_t *socket, struct od_error *err)
{
    OD_ASSERT(end->peer->peer == end);
    if (end->peer->use != OD_END_ACCEPTED)
        return od_error_set(err,
                            "the other end of the WebSocketPair was not accepted: call "
                            "state:acceptWebSocket(server) before the client's end is returned");
    *worker = engine->objects->worker;
    *socket = end->peer->socket;
    end->use = OD_END_RETURNED;
    return true;
}

static bool response_socket(lua_State *L, int index, uint32_t *worker, uint64_t *socket,
                            struct od_error *err)
{
    struct od_end *end = od_userdata_test(L, index, OD_USERDATA_WEBSOCKET);
    if (end == NULL)
        return od_error_set(err, "the field webSocket of a Response must be a WebSocket, it is %s",
                            od_describe(L, index));
    switch (end->use) {
    case OD_END_NEW:
        return take_client(od_engine_of(L), end, worker, socket, err);
    case OD_END_REMOTE:
        return take_remote(od_engine_of(L), end, worker, socket, err);
    case OD_END_ACCEPTED:
        return od_error_set(err, "Can't return WebSocket in a Response after calling "
                                 "acceptWebSocket(); return the other end of the pair");
    case OD_END_RETURNED:
        break;
    }
    return od_error_set(err, "this WebSocket was already used in a response");
}

static void push_response_socket(lua_State *L, uint32_t worker, uint64_t socket, bool is_events)
{
    OD_ASSERT(socket != 0);
    push_end_of(L, is_events ? OD_USERDATA_EVENT_STREAM : OD_USERDATA_WEBSOCKET,
                (struct od_end){.use = OD_END_REMOTE, .worker = worker, .socket = socket});
}

// --- Methods -------------------------------------------------------------------------------------

static struct od_end *accepted_self(lua_State *L, const char *call, const char *problem)
{
    struct od_end *end = od_userdata_self(L, OD_USERDATA_WEBSOCKET, call);
    if (end->use == OD_END_REMOTE)
        od_raise(L,
                 "%s: this is another object's WebSocket; take it with state:acceptWebSocket, or "
                 "return it in a Response",
                 call);
    if (end->use != OD_END_ACCEPTED)
        od_raise(L, "%s", problem);
    return end;
}

void od_check_text(lua_State *L, od_slice text, const char *call, const char *what)
{
    if (od_utf8_is_valid(text))
        return;
    for (size_t at = 0; at < text.size;) {
        size_t size = od_utf8_size(text.at + at, text.size - at);
        if (size == 0)
            od_raise(L, "%s: %s is not valid UTF-8 at byte %zu", call, what, at + 1);
        at += size;
    }
}

void od_check_message(lua_State *L, od_slice message, bool is_binary, const char *call)
{
    if (message.size > OD_MESSAGE_BYTES_MAX)
        od_raise(L, "%s: a message cannot be larger than %u bytes, and this has %zu", call,
                 OD_MESSAGE_BYTES_MAX, message.size);
    if (!is_binary)
        od_check_text(L, message, call, "the message");
}

static int send_message(lua_State *L)
{
    struct od_end *end = accepted_self(L, "send",
                                       "You must call state:acceptWebSocket() on this WebSocket "
                                       "before sending messages.");
    od_slice message = od_check_string(L, 2, "send");
    bool is_binary = od_check_flag(L, 3, "send");
    od_check_message(L, message, is_binary, "send");
    struct od_socket *socket = od_end_socket(L, end, "send");
    if (socket != NULL && od_socket_ready_state(socket) == OD_READY_CONNECTING)
        od_raise(L, "send: this WebSocket is not connected yet; send from webSocketOpen on");
    bool may_send =
        !end->has_closed && (socket == NULL || od_socket_send(socket, message, is_binary));
    if (!may_send)
        od_raise(L, "Can't call WebSocket send() after close().");
    return 0;
}

// What waits for a write is put into the outbox; one that only connects is send_message's.
static bool send_sound(struct od_socket *socket, od_slice message, bool is_binary)
{
    return od_socket_send_at_once(socket, message, is_binary) ||
           (od_socket_ready_state(socket) != OD_READY_CONNECTING &&
            od_socket_send(socket, message, is_binary));
}

// For compiled code (lua/engine/send.lua), which goes on in Lua: it may not raise. False: nothing
// was done, and send_message is to be called.
static bool try_to_send(const struct od_engine *engine, void *self, const char *text, size_t size,
                        bool is_binary)
{
    const struct od_end *end = od_userdata_content(self, OD_USERDATA_WEBSOCKET);
    if (end == NULL || end->use != OD_END_ACCEPTED || end->has_closed)
        return false;
    struct od_socket *socket = running_socket(engine, end);
    od_slice message = {text, size};
    bool is_sound = size <= OD_MESSAGE_BYTES_MAX && (is_binary || od_utf8_is_valid(message));
    return is_sound && socket != NULL && send_sound(socket, message, is_binary);
}

// What may be sent is asked of who sends it: a code that only one of both allows would end a
// worker.
static uint16_t check_close_code(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return 0;
    double code = od_check_number(L, index, "close");
    bool is_small = code >= 0 && code <= UINT16_MAX && code == (double)(uint16_t)code;
    if (!is_small || !od_socket_is_close_code((uint16_t)code))
        od_raise(L,
                 "Invalid WebSocket close code: %.14g. Codes of your own are 3000 to 4999; of the "
                 "protocol, 1000 to 1003 and 1007 to 1014 can be sent.",
                 code);
    return (uint16_t)code;
}

static od_slice check_close_reason(lua_State *L, int index, uint16_t code)
{
    if (lua_isnoneornil(L, index))
        return (od_slice){NULL, 0};
    od_slice reason = od_check_string(L, index, "close");
    if (code == 0 && reason.size > 0)
        od_raise(L, "If you specify a WebSocket close reason, you must also specify a code.");
    if (reason.size > OD_CLOSE_REASON_BYTES_MAX)
        od_raise(L, "WebSocket close reason must not be longer than %d bytes when UTF-8 encoded.",
                 OD_CLOSE_REASON_BYTES_MAX);
    od_check_text(L, reason, "close", "the reason");
    return reason;
}

// One to outside that only connects is gone after this.
static void end_wish(lua_State *L, struct od_socket *socket)
{
    struct od_error err;
    if (socket != NULL && socket->wish != NULL && !od_wish_end(socket, &err))
        od_raise(L, "close: %s", err.text);
}

static int close_socket(lua_State *L)
{
    struct od_end *end = accepted_self(L, "close",
                                       "You must call state:acceptWebSocket() on this WebSocket "
                                       "before closing it.");
    uint16_t code = check_close_code(L, 2);
    od_slice reason = check_close_reason(L, 3, code);
    struct od_socket *socket = od_end_socket(L, end, "close");
    end->has_closed = true;
    end_wish(L, socket);
    socket = od_end_socket(L, end, "close");
    if (socket != NULL)
        od_socket_close(socket, code, reason);
    return 0;
}

static const char attachment_needs_accept[] =
    "You must call state:acceptWebSocket() on this WebSocket before it can have an attachment.";

static struct od_end *accepted_end(lua_State *L, const char *call)
{
    struct od_end *events = od_userdata_test(L, 1, OD_USERDATA_EVENT_STREAM);
    if (events == NULL)
        return accepted_self(L, call, attachment_needs_accept);
    if (events->use != OD_END_ACCEPTED)
        od_raise(L, "%s: this is another object's event stream; it can only be returned", call);
    return events;
}

static int serialize_attachment(lua_State *L)
{
    const char *call = "serializeAttachment";
    struct od_end *end = accepted_end(L, call);
    struct od_socket *socket = od_end_socket(L, end, call);
    struct od_bytes *bytes = od_engine_scratch(od_engine_of(L));
    struct od_error err;
    lua_settop(L, 2);
    if (!lua_isnil(L, 2) && !od_value_encode(L, 2, bytes, OD_VALUE_BYTES_MAX, &err))
        od_raise(L, "%s: %s", call, err.text);
    if (bytes->size > OD_ATTACHMENT_BYTES_MAX)
        od_raise(L,
                 "A WebSocket 'attachment' cannot be larger than %d bytes. 'attachment' was %zu "
                 "bytes.",
                 OD_ATTACHMENT_BYTES_MAX, bytes->size);
    if (socket == NULL)
        return 0;
    od_socket_set_attachment(socket, od_bytes_slice(bytes));
    if (!od_wish_store(socket, &err))
        od_raise(L, "%s: %s", call, err.text);
    return 0;
}

static int deserialize_attachment(lua_State *L)
{
    const char *call = "deserializeAttachment";
    const struct od_end *end = accepted_end(L, call);
    const struct od_socket *socket = od_end_socket(L, end, call);
    od_slice bytes = socket == NULL ? (od_slice){NULL, 0} : od_socket_attachment(socket);
    struct od_error err;
    if (bytes.size == 0)
        lua_pushnil(L);
    else if (!od_value_decode(L, bytes, &err))
        od_raise(L, "%s: %s", call, err.text);
    return 1;
}

// --- Properties ---------------------------------------------------------------------------------

static void push_ready_state(lua_State *L, const struct od_end *end, const struct od_socket *socket)
{
    enum od_ready_state gone = end->use == OD_END_ACCEPTED ? OD_READY_CLOSED : OD_READY_OPEN;
    lua_pushinteger(L, socket == NULL ? gone : od_socket_ready_state(socket));
}

static void push_buffered_amount(lua_State *L, const struct od_end *end,
                                 const struct od_socket *socket)
{
    (void)end;
    lua_pushnumber(L, socket == NULL ? 0 : (lua_Number)od_socket_buffered_bytes(socket));
}

static void push_slice(lua_State *L, od_slice text)
{
    lua_pushlstring(L, text.size == 0 ? "" : text.at, text.size);
}

static void push_protocol(lua_State *L, const struct od_end *end, const struct od_socket *socket)
{
    (void)end;
    push_slice(L, socket == NULL ? OD_SLICE("") : od_socket_protocol(socket));
}

static void push_url(lua_State *L, const struct od_end *end, const struct od_socket *socket)
{
    (void)end;
    push_slice(L, socket == NULL ? OD_SLICE("") : od_socket_url(socket));
}

static void push_outgoing(lua_State *L, const struct od_end *end, const struct od_socket *socket)
{
    (void)end;
    lua_pushboolean(L, socket != NULL && socket->wish != NULL);
}

int od_end_property(lua_State *L)
{
    static const struct {
        const char *name;
        void (*push)(lua_State *, const struct od_end *, const struct od_socket *);
    } properties[] = {{"readyState", push_ready_state},
                      {"bufferedAmount", push_buffered_amount},
                      {"protocol", push_protocol},
                      {"url", push_url},
                      {"outgoing", push_outgoing}};
    const struct od_end *end = od_end_test(L, 1);
    OD_ASSERT(end != NULL);
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        if (strcmp(key, properties[i].name) != 0)
            continue;
        bool is_socket = end->use == OD_END_ACCEPTED;
        properties[i].push(L, end, is_socket ? od_end_socket(L, end, key) : NULL);
        return 1;
    }
    return od_userdata_no_field(L);
}

const luaL_Reg od_end_methods[] = {{"serializeAttachment", serialize_attachment},
                                   {"deserializeAttachment", deserialize_attachment},
                                   {NULL, NULL}};

// --- Opening ------------------------------------------------------------------------------------

void od_lib_socket_open(lua_State *L)
{
    static const luaL_Reg methods[] = {{"close", close_socket}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"pair", make_pair}, {NULL, NULL}};
    od_userdata_define(L, OD_USERDATA_WEBSOCKET, methods, od_end_property);
    lua_pop(L, 1);
    od_embedded_put_native_try(L, "send", send_message, (void *)(uintptr_t)try_to_send,
                               od_engine_of(L));
    od_embedded_put_native(L, "socket", functions); // With which a request is accepted.
    od_userdata_add_functions(L, OD_USERDATA_WEBSOCKET, od_end_methods);
    od_response_socket = response_socket;
    od_response_socket_push = push_response_socket;
}

void od_lib_socket_put(lua_State *L)
{
    lua_pushcfunction(L, make_pair);
    lua_setfield(L, -2, "WebSocketPair");
}
