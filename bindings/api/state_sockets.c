// The methods of `state` for WebSockets.

#include "api/event_stream.h"
#include "api/socket.h"
#include "api/state.h"
#include "engine/engine.h"
#include "object/broadcast.h"
#include "object/client_end.h"
#include "object/limits.h"
#include "object/wish.h"
#include "value/raise.h"

// --- acceptWebSocket ----------------------------------------------------------------------------

static bool has_tag(const struct od_tags *tags, od_slice tag)
{
    OD_ASSERT(tags->count <= OD_TAGS_MAX);
    for (size_t i = 0; i < tags->count; i++) {
        if (od_slice_equal(tags->at[i], tag))
            return true;
    }
    return false;
}

// In this order, as on Cloudflare: an eleventh tag is refused also when it repeats one.
static void add_tag(lua_State *L, struct od_tags *tags, od_slice tag)
{
    if (tags->count == OD_TAGS_MAX)
        od_raise(L, "a Hibernatable WebSocket cannot have more than %d tags", OD_TAGS_MAX);
    if (tag.size > OD_TAG_BYTES_MAX)
        od_raise(L, "\"%.*s\" is longer than the max tag length (%d characters).", (int)tag.size,
                 tag.at, OD_TAG_BYTES_MAX);
    OD_ASSERT(tags->count < OD_TAGS_MAX);
    if (!has_tag(tags, tag))
        tags->at[tags->count++] = tag;
}

// The slices live as long as the table at [index].
struct od_tags od_check_tags(lua_State *L, int index, const char *call)
{
    struct od_tags tags = {.count = 0};
    if (lua_isnoneornil(L, index))
        return tags;
    if (!lua_istable(L, index))
        od_raise_argument(L, index, call, "an array of strings");
    size_t size = lua_objlen(L, index);
    for (size_t i = 1; i <= size; i++) {
        lua_rawgeti(L, index, (int)i);
        if (lua_type(L, -1) != LUA_TSTRING)
            od_raise(L, "%s: tag %zu must be a string, got %s", call, i, od_describe(L, -1));
        od_slice tag;
        tag.at = lua_tolstring(L, -1, &tag.size);
        add_tag(L, &tags, tag);
        lua_pop(L, 1);
    }
    return tags;
}

static void check_unused(lua_State *L, const struct od_end *end)
{
    if (end->use == OD_END_ACCEPTED)
        od_raise(L, "Cannot call `acceptWebSocket()` if the WebSocket was already accepted");
    bool is_free = end->use == OD_END_NEW && end->peer->use == OD_END_NEW;
    if (!is_free)
        od_raise(L,
                 "Cannot call `acceptWebSocket()` on this WebSocket because its pair has already "
                 "been accepted or used in a Response.");
}

static int accept_websocket(lua_State *L)
{
    struct od_engine *engine = od_engine_of(L);
    struct od_object *object = od_state_self(L, "acceptWebSocket");
    struct od_end *end = od_check_websocket(L, 2, "acceptWebSocket");
    bool is_remote = end->use == OD_END_REMOTE;
    if (!is_remote)
        check_unused(L, end);
    struct od_tags tags = od_check_tags(L, 3, "acceptWebSocket");
    struct od_socket *socket;
    struct od_error err;
    bool ok = is_remote ? od_client_end_accept(engine->task, end->worker, end->socket, tags.at,
                                               tags.count, &socket, &err)
                        : od_socket_accept(object, engine->task, false, tags.at, tags.count,
                                           &socket, &err);
    if (!ok)
        od_raise(L, "%s%s", is_remote ? "acceptWebSocket: " : "", err.text);
    od_end_accept(engine, L, 2, end, socket->id);
    return 0;
}

// --- Which sockets ------------------------------------------------------------------------------

static int get_sockets(lua_State *L, const char *call, bool are_events)
{
    struct od_engine *engine = od_engine_of(L);
    struct od_object *object = od_state_self(L, call);
    bool has = !lua_isnoneornil(L, 2);
    od_slice tag = has ? od_check_string(L, 2, call) : (od_slice){NULL, 0};
    lua_createtable(L, (int)od_socket_count(object, has, tag), 0);
    int list = lua_gettop(L);
    int place = 0;
    for (struct od_socket *socket = od_socket_first(object, has, tag); socket != NULL;
         socket = od_socket_next(socket, has, tag)) {
        if (socket->is_events != are_events)
            continue;
        od_websocket_push(engine, L, socket->id);
        lua_rawseti(L, list, ++place);
    }
    return 1;
}

static int get_websockets(lua_State *L)
{
    return get_sockets(L, "getWebSockets", false);
}

static int get_event_streams(lua_State *L)
{
    return get_sockets(L, "getEventStreams", true);
}

// The socket of the end at [index], NULL when it is gone.
static struct od_socket *check_socket(lua_State *L, int index, const char *call,
                                      const char *problem)
{
    const struct od_end *end = od_end_test(L, index);
    if (end == NULL)
        od_raise_argument(L, index, call, "a WebSocket or an event stream");
    if (end->use != OD_END_ACCEPTED)
        od_raise(L, "%s", problem);
    return od_end_socket(L, end, call);
}

static int get_tags(lua_State *L)
{
    od_state_self(L, "getTags");
    const struct od_socket *socket =
        check_socket(L, 2, "getTags",
                     "you must call 'acceptWebSocket()' before attempting to access the tags of a "
                     "WebSocket.");
    size_t count = socket == NULL ? 0 : socket->tag_count;
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        od_slice tag = od_socket_tag_at(socket, i);
        lua_pushlstring(L, tag.size == 0 ? "" : tag.at, tag.size);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static int set_tags(lua_State *L)
{
    od_state_self(L, "setTags");
    struct od_socket *socket =
        check_socket(L, 2, "setTags", "setTags: call acceptWebSocket() for the WebSocket first");
    if (!lua_istable(L, 3))
        od_raise_argument(L, 3, "setTags", "an array of strings");
    struct od_tags tags = od_check_tags(L, 3, "setTags");
    struct od_error err;
    if (socket == NULL)
        return 0;
    od_socket_set_tags(socket, tags.at, tags.count);
    if (!od_wish_store(socket, &err))
        od_raise(L, "setTags: %s", err.text);
    return 0;
}

// --- broadcast ----------------------------------------------------------------------------------

static const struct od_socket *check_except(lua_State *L, int index)
{
    lua_getfield(L, index, "except");
    if (lua_isnil(L, -1))
        return NULL;
    const struct od_end *end = od_end_test(L, -1);
    if (end == NULL)
        od_raise(L, "broadcast: option 'except' must be a WebSocket, got %s", od_describe(L, -1));
    return end->use == OD_END_ACCEPTED ? od_end_socket(L, end, "broadcast") : NULL;
}

static void check_broadcast(lua_State *L, int index, struct od_broadcast *broadcast,
                            struct od_event_frame *event)
{
    static const char *const names[] = {"tag", "except", "isBinary", "event", "id", NULL};
    if (!od_check_options(L, index, "broadcast"))
        return;
    od_check_option_names(L, index, "broadcast", names);
    od_event_check(L, index, "broadcast", event);
    broadcast->is_binary = od_option_flag(L, index, "broadcast", "isBinary");
    broadcast->has_tag = od_option(L, index, "broadcast", "tag", LUA_TSTRING);
    if (broadcast->has_tag)
        broadcast->tag.at = lua_tolstring(L, -1, &broadcast->tag.size);
    broadcast->except = check_except(L, index);
}

// Binary messages are for WebSockets only.
static int broadcast_message(lua_State *L)
{
    struct od_object *object = od_state_self(L, "broadcast");
    struct od_broadcast broadcast = {.payload = od_check_string(L, 2, "broadcast")};
    struct od_event_frame event = {.data = broadcast.payload, .has_data = true};
    check_broadcast(L, 3, &broadcast, &event);
    od_check_message(L, broadcast.payload, broadcast.is_binary, "broadcast");
    broadcast.event = broadcast.is_binary ? NULL : &event;
    lua_pushinteger(L, (lua_Integer)od_broadcast_send(object, &broadcast));
    return 1;
}

// --- Auto response ------------------------------------------------------------------------------

static od_slice check_auto_text(lua_State *L, int index, const char *what)
{
    od_slice text = od_check_string(L, index, "setWebSocketAutoResponse");
    if (text.size > OD_AUTO_RESPONSE_BYTES_MAX)
        od_raise(L, "%s cannot be larger than %d bytes. A %s of size %zu was provided.", what,
                 OD_AUTO_RESPONSE_BYTES_MAX, index == 2 ? "request" : "response", text.size);
    od_check_text(L, text, "setWebSocketAutoResponse", index == 2 ? "the request" : "the response");
    return text;
}

static int set_auto_response(lua_State *L)
{
    struct od_object *object = od_state_self(L, "setWebSocketAutoResponse");
    od_slice none = {NULL, 0};
    if (lua_isnoneornil(L, 2) && lua_isnoneornil(L, 3)) {
        od_object_set_auto_response(object, none, none);
        return 0;
    }
    od_slice request = check_auto_text(L, 2, "Request");
    od_slice response = check_auto_text(L, 3, "Response");
    od_object_set_auto_response(object, request, response);
    return 0;
}

static void push_bytes(lua_State *L, const struct od_bytes *bytes)
{
    lua_pushlstring(L, bytes->size == 0 ? "" : bytes->at, bytes->size);
}

// Returns request and response, or nil.
static int get_auto_response(lua_State *L)
{
    const struct od_object *object = od_state_self(L, "getWebSocketAutoResponse");
    if (object->auto_response == NULL) {
        lua_pushnil(L);
        return 1;
    }
    push_bytes(L, &object->auto_response->request);
    push_bytes(L, &object->auto_response->response);
    return 2;
}

static int get_auto_response_timestamp(lua_State *L)
{
    const char *call = "getWebSocketAutoResponseTimestamp";
    od_state_self(L, call);
    const struct od_socket *socket = check_socket(
        L, 2, call, "getWebSocketAutoResponseTimestamp: the WebSocket was not accepted");
    if (socket == NULL || socket->auto_response_ms == 0)
        lua_pushnil(L);
    else
        lua_pushnumber(L, (lua_Number)socket->auto_response_ms);
    return 1;
}

const luaL_Reg od_state_socket_functions[] = {{"accept", accept_websocket}, {NULL, NULL}};

const luaL_Reg od_state_socket_methods[] = {
    {"broadcast", broadcast_message},
    {"getTags", get_tags},
    {"setTags", set_tags},
    {"getWebSockets", get_websockets},
    {"getEventStreams", get_event_streams},
    {"setWebSocketAutoResponse", set_auto_response},
    {"getWebSocketAutoResponse", get_auto_response},
    {"getWebSocketAutoResponseTimestamp", get_auto_response_timestamp},
    {NULL, NULL}};
