#include "api/connect.h"

#include <lauxlib.h>

#include "api/socket.h"
#include "api/state.h"
#include "codec/http_syntax.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "object/wish.h"
#include "value/http_fields.h"
#include "value/raise.h"

#define CALL "connect"

// --- Options -------------------------------------------------------------------------------------

// In this letter case, unlike other lists of HTTP.
static bool has_protocol(od_slice list, od_slice name)
{
    od_slice member;
    while (od_http_list_next(&list, &member)) {
        if (od_slice_equal(member, name))
            return true;
    }
    return false;
}

static void put_protocol(lua_State *L, od_slice name, struct od_bytes *list)
{
    if (!od_http_fields_is_token(name))
        od_raise(L, CALL ": a protocol must be a token, got \"%.*s\"", (int)name.size, name.at);
    if (has_protocol(od_bytes_slice(list), name))
        od_raise(L, CALL ": the protocol \"%.*s\" is there twice", (int)name.size, name.at);
    if (list->size > 0)
        od_bytes_put_slice(list, OD_SLICE(", "));
    od_bytes_put_slice(list, name);
}

// A string, or an array of them.
static void read_protocols(lua_State *L, struct od_bytes *list)
{
    lua_getfield(L, 3, "protocols");
    if (lua_isnil(L, -1))
        return;
    if (lua_type(L, -1) == LUA_TSTRING) {
        put_protocol(L, od_check_string(L, lua_gettop(L), CALL), list);
        return;
    }
    if (!lua_istable(L, -1))
        od_raise(L, CALL ": option 'protocols' must be an array of strings, got %s",
                 od_describe(L, -1));
    size_t size = lua_objlen(L, -1);
    for (size_t i = 1; i <= size; i++) {
        lua_rawgeti(L, -1, (int)i);
        if (lua_type(L, -1) != LUA_TSTRING)
            od_raise(L, CALL ": protocol %zu must be a string, got %s", i, od_describe(L, -1));
        od_slice name;
        name.at = lua_tolstring(L, -1, &name.size);
        put_protocol(L, name, list);
        lua_pop(L, 1);
    }
}

static od_time_ms read_pause(lua_State *L, int index, const char *name, od_time_ms otherwise)
{
    if (!od_option(L, index, CALL, name, LUA_TNUMBER))
        return otherwise;
    double ms = lua_tonumber(L, -1);
    lua_pop(L, 1);
    if (!(ms >= OD_WISH_PAUSE_MS_MIN && ms <= OD_WISH_PAUSE_MS_MAX))
        od_raise(L, CALL ": reconnect.%s must be %d to %d milliseconds, got %.14g", name,
                 OD_WISH_PAUSE_MS_MIN, OD_WISH_PAUSE_MS_MAX, ms);
    return (od_time_ms)ms;
}

static void read_reconnect(lua_State *L, struct od_wish_row *row)
{
    static const char *const names[] = {"min", "max", NULL};
    if (!od_option(L, 3, CALL, "reconnect", LUA_TTABLE))
        return;
    int index = lua_gettop(L);
    od_check_option_names(L, index, CALL, names);
    row->min_ms = read_pause(L, index, "min", OD_WISH_MIN_MS);
    row->max_ms =
        read_pause(L, index, "max", row->min_ms > OD_WISH_MAX_MS ? row->min_ms : OD_WISH_MAX_MS);
    if (row->max_ms < row->min_ms)
        od_raise(L, CALL ": reconnect.max must not be less than reconnect.min");
}

// The Headers at [index].
static void put_headers(lua_State *L, int index, struct od_bytes *bytes)
{
    uint32_t count = 0;
    struct od_error err;
    size_t mark = bytes->size;
    od_bytes_put_u32(bytes, 0);
    if (!lua_isnil(L, index) && !od_http_fields_put_array(L, index, bytes, &count, &err))
        od_raise(L, CALL ": %s", err.text);
    od_bytes_set_u32(bytes, mark, count);
}

// --- The call ------------------------------------------------------------------------------------

// Lists and headers lie behind one another in the scratch of the engine.
static void read_options(lua_State *L, struct od_bytes *bytes, struct od_tags *tags,
                         struct od_wish_row *row)
{
    static const char *const names[] = {"tags", "protocols", "headers", "reconnect", NULL};
    bool has_options = od_check_options(L, 3, CALL);
    if (has_options) {
        od_check_option_names(L, 3, CALL, names);
        read_protocols(L, bytes);
        read_reconnect(L, row);
        if (od_option(L, 3, CALL, "tags", LUA_TTABLE))
            *tags = od_check_tags(L, lua_gettop(L), CALL);
    }
    size_t protocols = bytes->size;
    put_headers(L, 4, bytes);
    row->protocols = (od_slice){bytes->at, protocols};
    row->headers = od_slice_from(od_bytes_slice(bytes), protocols);
}

// connect(state, url, options, headers): the WebSocket, which is not connected yet.
static int begin_connect(lua_State *L)
{
    struct od_engine *engine = od_engine_of(L);
    struct od_object *object = od_state_self(L, CALL);
    struct od_wish_row row = {
        .url = od_check_string(L, 2, CALL), .min_ms = OD_WISH_MIN_MS, .max_ms = OD_WISH_MAX_MS};
    struct od_tags tags = {.count = 0};
    struct od_socket *socket;
    struct od_error err;
    lua_settop(L, 4);
    read_options(L, od_engine_scratch(engine), &tags, &row);
    row.tag_count = tags.count;
    for (size_t i = 0; i < tags.count; i++)
        row.tags[i] = tags.at[i];
    if (!od_wish_make(object, &row, &socket, &err))
        od_raise(L, CALL ": %s", err.text);
    od_websocket_push(engine, L, socket->id);
    return 1;
}

void od_lib_connect_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"connect", begin_connect}, {NULL, NULL}};
    od_embedded_put_native(L, "outside", functions);
}
