#include "value/http_message.h"

#include <string.h>

#include <lauxlib.h>

#include "link/request.h"
#include "link/response.h"
#include "value/guard.h"
#include "value/http_fields.h"
#include "value/raise.h"

// A Request in Lua: method, url, path, peer, body or nil, and either `headers` or `_fields` (see
// http_fields.h). A Response: status, body (also a function) or nil, `_stream` or nil, webSocket or
// nil, `headers` or `_fields` or none. lua/open-do/request.lua and response.lua make the same
// shapes.

od_response_socket_fn *od_response_socket;
od_response_socket_push_fn *od_response_socket_push;
od_response_stream_fn *od_response_stream;
od_response_stream_push_fn *od_response_stream_push;

// What the Lua modules define; the addresses of the names are keys of the registry.
enum definition {
    HEADERS,
    REQUEST,
    RESPONSE,
    NEW_REQUEST,
    MAKE_REQUEST,
    DEFINITION_COUNT
};

static const char *const definition_names[DEFINITION_COUNT] = {"Headers", "Request", "Response",
                                                               "new_request", "make_request"};

static void push_definition(lua_State *L, enum definition definition)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&definition_names[definition]);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

static bool is_a(lua_State *L, int index, enum definition class)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return false;
    push_definition(L, class);
    bool result = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return result;
}

static void become(lua_State *L, enum definition class)
{
    push_definition(L, class);
    lua_setmetatable(L, -2);
}

static int define(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    luaL_checkany(L, 2);
    for (int i = 0; i < DEFINITION_COUNT; i++) {
        if (strcmp(name, definition_names[i]) != 0)
            continue;
        lua_pushlightuserdata(L, (void *)(uintptr_t)&definition_names[i]);
        lua_pushvalue(L, 2);
        lua_rawset(L, LUA_REGISTRYINDEX);
        return 0;
    }
    return luaL_error(L, "nobody asks for a definition of %s", name);
}

static int is_a_named(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    bool result = false;
    for (int i = 0; i < DEFINITION_COUNT && !result; i++)
        result = strcmp(name, definition_names[i]) == 0 && is_a(L, 2, (enum definition)i);
    lua_pushboolean(L, result);
    return 1;
}

static int read_fields(lua_State *L)
{
    od_slice bytes;
    bytes.at = luaL_checklstring(L, 1, &bytes.size);
    struct od_cursor cursor = od_cursor_of(bytes);
    od_http_fields_push(L, od_headers_read(&cursor));
    become(L, HEADERS);
    return 1;
}

// The fields that are read. A string is made Lua's only once: an array of them is in the registry,
// with the address of the names as key, and what reads fields has it on its stack.
enum field {
    BODY,
    FIELDS,
    FIELDS_ENCODED,
    METHOD,
    PEER,
    SERVER_NAME,
    STATUS,
    STREAM,
    TLS,
    URL,
    VERSION,
    WEB_SOCKET,
    FIELD_COUNT
};

static const char *const field_names[FIELD_COUNT] = {
    [BODY] = "body",     [FIELDS] = "headers",  [FIELDS_ENCODED] = "_fields",
    [METHOD] = "method", [PEER] = "peer",       [SERVER_NAME] = "serverName",
    [STATUS] = "status", [STREAM] = "_stream",  [TLS] = "tls",
    [URL] = "url",       [VERSION] = "version", [WEB_SOCKET] = "webSocket",
};

static void keep_field_names(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)field_names);
    lua_createtable(L, FIELD_COUNT, 0);
    for (int i = 0; i < FIELD_COUNT; i++) {
        lua_pushstring(L, field_names[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_rawset(L, LUA_REGISTRYINDEX);
}

enum {
    init_names_max = 16
};

// unknown(what, word, array of names): the message about an init that has another field.
static int unknown(lua_State *L)
{
    const char *names[init_names_max + 1] = {NULL};
    struct od_error err;
    for (int i = 0; i < init_names_max; i++) {
        lua_rawgeti(L, 3, i + 1); // Stays there, and with it the text.
        names[i] = lua_tostring(L, -1);
    }
    od_unknown_set(&err, luaL_checkstring(L, 1), luaL_checkstring(L, 2), names);
    lua_pushstring(L, err.text);
    return 1;
}

void od_http_message_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"define", define},
                                         {"is_a", is_a_named},
                                         {"read_fields", read_fields},
                                         {"unknown", unknown},
                                         {NULL, NULL}};
    keep_field_names(L);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
}

static void push_string(lua_State *L, od_slice text)
{
    lua_pushlstring(L, text.size > 0 ? text.at : "", text.size);
}

static void set_string(lua_State *L, const char *field, od_slice text)
{
    push_string(L, text);
    lua_setfield(L, -2, field);
}

static void push_body(lua_State *L, od_slice body)
{
    if (body.size > 0)
        push_string(L, body);
    else
        lua_pushnil(L);
}

// The fields' bytes, with their count, stand between what is before them and the body's length.
static void push_fields(lua_State *L, const struct od_headers *headers, od_slice body)
{
    const char *fields = headers->cursor.at - sizeof(uint32_t);
    push_string(L, (od_slice){fields, (size_t)(body.at - sizeof(uint32_t) - fields)});
}

static void push_stream(lua_State *L, uint32_t worker, uint64_t stream)
{
    if (stream == 0 || od_response_stream_push == NULL)
        lua_pushnil(L);
    else
        od_response_stream_push(L, worker, stream);
}

static void push_tls(lua_State *L, od_slice tls)
{
    if (tls.size == 0) {
        lua_pushnil(L);
        return;
    }
    const char *blank = memchr(tls.at, ' ', tls.size);
    size_t size = blank == NULL ? tls.size : (size_t)(blank - tls.at);
    od_slice name = od_slice_from(tls, blank == NULL ? size : size + 1);
    lua_createtable(L, 0, 2);
    set_string(L, "version", (od_slice){tls.at, size});
    if (name.size > 0)
        set_string(L, "serverName", name);
}

// What makes the table is Lua: it copies one of that shape, without looking up a name.
void od_request_push(lua_State *L, od_slice message)
{
    struct od_request request;
    bool is_request = od_request_read(message, &request);
    OD_ASSERT(is_request);
    od_slice path = od_request_target(request.url);
    const char *query = memchr(path.at, '?', path.size);
    path.size = query == NULL ? path.size : (size_t)(query - path.at);
    luaL_checkstack(L, 12, "too many values");
    push_definition(L, NEW_REQUEST);
    push_string(L, request.method);
    push_string(L, request.url);
    push_string(L, path);
    push_string(L, request.peer);
    push_fields(L, &request.headers, request.body);
    push_body(L, request.body);
    push_stream(L, request.worker, request.stream);
    push_tls(L, request.tls);
    lua_call(L, 8, 1);
}

void od_response_push(lua_State *L, od_slice message)
{
    struct od_response response;
    bool is_response = od_response_read(message, &response);
    OD_ASSERT(is_response);
    luaL_checkstack(L, 4, "too many values");
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, response.status);
    lua_setfield(L, -2, "status");
    push_fields(L, &response.headers, response.body);
    lua_setfield(L, -2, "_fields");
    push_body(L, response.body);
    lua_setfield(L, -2, "body");
    if (response.socket != 0 && od_response_socket_push != NULL) {
        od_response_socket_push(L, response.worker, response.socket, response.is_events);
        lua_setfield(L, -2, response.is_events ? "_stream" : "webSocket");
    }
    if (response.stream != 0) {
        push_stream(L, response.worker, response.stream);
        lua_setfield(L, -2, "_stream");
    }
    become(L, RESPONSE);
}

enum {
    names_index = 3, // Behind both arguments of what is guarded.
    usual_head_bytes = 128,
};

static void push_field_names(lua_State *L)
{
    lua_settop(L, names_index - 1);
    lua_pushlightuserdata(L, (void *)(uintptr_t)field_names);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

// Raw, so that no code of a script runs and nothing is built on the way.
static int push_field(lua_State *L, int index, enum field field)
{
    lua_rawgeti(L, names_index, (int)field + 1);
    lua_rawget(L, index);
    return lua_type(L, -1);
}

// Pops what push_field has pushed, a string; [fallback] when it is nil, which may be that of no
// string.
static bool pop_string(lua_State *L, int type, enum field field, od_slice fallback, od_slice *text,
                       struct od_error *err)
{
    *text = fallback;
    if (type == LUA_TSTRING)
        text->at =
            lua_tolstring(L, -1, &text->size); // The object keeps it when it leaves the stack.
    else if (type != LUA_TNIL)
        return od_error_set(err, "the field \"%s\" is a %s, it must be a string",
                            field_names[field], lua_typename(L, type));
    lua_pop(L, 1);
    return true;
}

static bool string_field(lua_State *L, int index, enum field field, od_slice fallback,
                         od_slice *text, struct od_error *err)
{
    return pop_string(L, push_field(L, index, field), field, fallback, text, err);
}

// Pops it, too.
static bool pop_body(lua_State *L, int type, od_slice *body, struct od_error *err)
{
    if (!pop_string(L, type, BODY, (od_slice){NULL, 0}, body, err))
        return false;
    return body->size <= OD_HTTP_BODY_BYTES_MAX ||
           od_error_set(err, "the body has %zu bytes, the limit is %u", body->size,
                        OD_HTTP_BODY_BYTES_MAX);
}

// [has_any] is false when the object has no header fields yet, not even an empty list.
static bool put_fields(lua_State *L, int index, struct od_bytes *out, uint32_t *count,
                       bool *has_any, struct od_error *err)
{
    *has_any = true;
    int type = push_field(L, index, FIELDS);
    int headers = lua_gettop(L);
    if (is_a(L, headers, HEADERS))
        return od_http_fields_put_array(L, headers, out, count, err);
    if (type != LUA_TNIL)
        return od_error_set(err, "the field \"headers\" is no od.Headers");
    od_slice encoded;
    if (!string_field(L, index, FIELDS_ENCODED, (od_slice){NULL, 0}, &encoded, err))
        return false;
    *has_any = encoded.at != NULL;
    return !*has_any || od_http_fields_put_encoded(encoded, out, count, err);
}

static bool status_field(lua_State *L, int index, uint16_t *status, struct od_error *err)
{
    int type = push_field(L, index, STATUS);
    double number = type == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (number != 101 && !(number >= 200 && number <= 599 && number == (double)(int)number))
        return od_error_set(err, "a Response has a status that is neither 101 nor 200 to 599");
    *status = (uint16_t)number;
    return true;
}

static bool socket_field(lua_State *L, int index, uint16_t status, struct od_http_part *part,
                         struct od_error *err)
{
    bool has_socket = push_field(L, index, WEB_SOCKET) != LUA_TNIL;
    if (has_socket != (status == 101))
        return od_error_set(err, has_socket ? "a Response with a webSocket must have status 101"
                                            : "a Response with status 101 must have a webSocket");
    if (!has_socket)
        return true;
    if (od_response_socket == NULL)
        return od_error_set(err, "a webSocket cannot go out here");
    part->kind = OD_RESPONSE_SOCKET;
    return od_response_socket(L, lua_gettop(L), &part->worker, &part->number, err);
}

// A body that is there, or one that comes in pieces.
static bool response_body(lua_State *L, int index, od_slice *body, struct od_http_part *part,
                          struct od_error *err)
{
    int type = push_field(L, index, BODY);
    bool is_stream =
        type == LUA_TFUNCTION || (type == LUA_TNIL && push_field(L, index, STREAM) != LUA_TNIL);
    *body = (od_slice){NULL, 0};
    if (!is_stream)
        return type == LUA_TNIL || pop_body(L, type, body, err);
    if (od_response_stream == NULL)
        return od_error_set(err, "a body in pieces cannot go out here");
    return od_response_stream(L, lua_gettop(L), part, err);
}

static bool encode_response(lua_State *L, void *context, struct od_error *err)
{
    struct od_bytes *out = context;
    uint16_t status = 0;
    uint32_t count = 0;
    struct od_http_part part = {OD_RESPONSE_ALONE, 0, 0};
    od_slice body;
    bool has_fields;
    push_field_names(L);
    if (!is_a(L, 1, RESPONSE)) {
        const char *what = lua_isnil(L, 1) ? "nothing" : lua_typename(L, lua_type(L, 1));
        return od_error_set(err, "fetch returned %s%s; it must return an od.Response",
                            lua_isnil(L, 1) ? "" : "a ", what);
    }
    if (!status_field(L, 1, &status, err) || !socket_field(L, 1, status, &part, err) ||
        !response_body(L, 1, &body, &part, err))
        return false;
    (void)od_bytes_reserve(out, body.size + usual_head_bytes); // In most cases all of it.
    size_t mark = od_response_begin_with(out, status, part.kind, part.worker, part.number);
    if (!put_fields(L, 1, out, &count, &has_fields, err))
        return false;
    if (!has_fields && body.at != NULL) { // What response.lua would make of it.
        od_headers_put(out, OD_SLICE("content-type"), OD_SLICE("text/plain;charset=UTF-8"));
        count++;
    }
    od_response_end(out, mark, count, body);
    return true;
}

static bool guarded(lua_State *L, int first, int second, od_guard_fn *body, struct od_bytes *out,
                    struct od_error *err)
{
    size_t mark = out->size;
    bool ok = od_guard(L, first, second, body, out, err);
    if (!ok)
        out->size = mark;
    return ok;
}

bool od_response_encode(lua_State *L, int index, struct od_bytes *out, struct od_error *err)
{
    return guarded(L, index, 0, encode_response, out, err);
}

static bool is_url(od_slice url)
{
    for (size_t i = 0; i < url.size; i++) {
        unsigned char byte = (unsigned char)url.at[i];
        if (byte <= 0x20 || byte == 0x7f)
            return false;
    }
    return od_slice_starts_with(url, OD_SLICE("http://")) ||
           od_slice_starts_with(url, OD_SLICE("https://"));
}

// Of a Request whose body comes in pieces, and is passed on unread.
static bool request_stream(lua_State *L, int index, struct od_http_part *part, struct od_error *err)
{
    if (push_field(L, index, BODY) != LUA_TNIL || push_field(L, index, STREAM) == LUA_TNIL)
        return true;
    if (od_response_stream == NULL)
        return od_error_set(err, "a body in pieces cannot go out here");
    return od_response_stream(L, lua_gettop(L), part, err);
}

// Whatever the caller has put before the message stays as it is.
static void name_stream(struct od_bytes *out, size_t start, const struct od_http_part *part)
{
    struct od_bytes message = {0};
    od_bytes_put_slice(&message, od_slice_from(od_bytes_slice(out), start));
    od_request_set_stream(&message, part->worker, part->number);
    out->size = start;
    od_bytes_put_slice(out, od_bytes_slice(&message));
    od_bytes_deinit(&message);
}

// As push_tls_field has made it, or as good; the text stays on the stack.
static bool tls_field(lua_State *L, int index, od_slice *tls, struct od_error *err)
{
    od_slice version, name;
    *tls = (od_slice){NULL, 0};
    if (push_field(L, index, TLS) != LUA_TTABLE)
        return true;
    int table = lua_gettop(L);
    if (!string_field(L, table, VERSION, OD_SLICE(""), &version, err) ||
        !string_field(L, table, SERVER_NAME, OD_SLICE(""), &name, err))
        return false;
    lua_pushlstring(L, version.at, version.size);
    lua_pushliteral(L, " ");
    lua_pushlstring(L, name.at, name.size);
    lua_concat(L, 3);
    if (version.size > 0)
        tls->at = lua_tolstring(L, -1, &tls->size);
    return true;
}

// The Request at [index] as it is.
static bool put_request(lua_State *L, int index, struct od_bytes *out, struct od_error *err)
{
    od_slice method, url, peer, tls, body;
    uint32_t count = 0;
    bool has_fields;
    size_t start = out->size;
    struct od_http_part part = {OD_RESPONSE_ALONE, 0, 0};
    if (!string_field(L, index, METHOD, OD_SLICE(""), &method, err) ||
        !string_field(L, index, URL, OD_SLICE(""), &url, err) ||
        !string_field(L, index, PEER, OD_SLICE(""), &peer, err) ||
        !tls_field(L, index, &tls, err) || !pop_body(L, push_field(L, index, BODY), &body, err) ||
        !request_stream(L, index, &part, err))
        return false;
    if (!od_http_fields_is_token(method))
        return od_error_set(err, "the request's method is not one");
    if (!is_url(url) || url.size > OD_HTTP_FIELDS_BYTES_MAX)
        return od_error_set(err, "the request's url is not one, or too long");
    size_t mark = od_request_begin(out, method, &url, 1, peer, tls);
    if (!put_fields(L, index, out, &count, &has_fields, err))
        return false;
    od_request_end(out, mark, count, body);
    if (part.number != 0)
        name_stream(out, start, &part);
    return true;
}

static bool encode_request(lua_State *L, void *context, struct od_error *err)
{
    push_field_names(L);
    if (is_a(L, 1, REQUEST) && lua_isnil(L, 2))
        return put_request(L, 1, context, err);
    push_definition(L, MAKE_REQUEST);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_call(L, 2, 2);
    if (lua_isnil(L, -2))
        return od_error_set(err, "%s", lua_tostring(L, -1));
    return put_request(L, lua_gettop(L) - 1, context, err);
}

bool od_request_encode(lua_State *L, int index, int init_index, struct od_bytes *out,
                       struct od_error *err)
{
    return guarded(L, index, init_index, encode_request, out, err);
}
