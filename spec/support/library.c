// The library part of the bindings as a module for specs, which run in a plain luajit:
//
//   local native = require "open_do_library"
//
// gives `native` and, in it, for specs only: value_encode, value_decode, values_encode,
// values_decode, request_push, request_encode, response_push and response_encode on strings. The
// failing ones give nil and a text.

#include <lauxlib.h>

#include "base/bytes.h"
#include "link/request.h"
#include "link/response.h"
#include "value/http_message.h"
#include "value/library.h"
#include "value/value.h"

int luaopen_open_do_library(lua_State *L);

static od_slice check_slice(lua_State *L, int index)
{
    od_slice bytes;
    bytes.at = luaL_checklstring(L, index, &bytes.size);
    return bytes;
}

static int fail(lua_State *L, const struct od_error *err)
{
    lua_pushnil(L);
    lua_pushstring(L, err->text);
    return 2;
}

// Pushes what is in [bytes], or nil and the error, and frees.
static int finish(lua_State *L, bool ok, struct od_bytes *bytes, const struct od_error *err)
{
    if (ok)
        lua_pushlstring(L, bytes->size > 0 ? bytes->at : "", bytes->size);
    od_bytes_deinit(bytes);
    return ok ? 1 : fail(L, err);
}

static int value_encode(lua_State *L)
{
    struct od_bytes bytes = {NULL, 0, 0};
    struct od_error err;
    size_t bytes_max = (size_t)luaL_optnumber(L, 2, 2 << 20);
    return finish(L, od_value_encode(L, 1, &bytes, bytes_max, &err), &bytes, &err);
}

static int value_decode(lua_State *L)
{
    struct od_error err;
    return od_value_decode(L, check_slice(L, 1), &err) ? 1 : fail(L, &err);
}

// (bytes_max, values...)
static int values_encode(lua_State *L)
{
    struct od_bytes bytes = {NULL, 0, 0};
    struct od_error err;
    size_t bytes_max = (size_t)luaL_checknumber(L, 1);
    bool ok = od_values_encode(L, 2, lua_gettop(L) - 1, "value", &bytes, bytes_max, &err);
    return finish(L, ok, &bytes, &err);
}

// The number of values and these; or nil and why not.
static int values_decode(lua_State *L)
{
    struct od_error err;
    int count = od_values_decode(L, check_slice(L, 1), &err);
    if (count < 0)
        return fail(L, &err);
    lua_pushinteger(L, count);
    lua_insert(L, -count - 1);
    return count + 1;
}

static int request_push(lua_State *L)
{
    od_request_push(L, check_slice(L, 1));
    return 1;
}

static int response_push(lua_State *L)
{
    od_response_push(L, check_slice(L, 1));
    return 1;
}

static int request_encode(lua_State *L)
{
    struct od_bytes bytes = {NULL, 0, 0};
    struct od_error err;
    lua_settop(L, 2);
    return finish(L, od_request_encode(L, 1, 2, &bytes, &err), &bytes, &err);
}

static int response_encode(lua_State *L)
{
    struct od_bytes bytes = {NULL, 0, 0};
    struct od_error err;
    lua_settop(L, 1);
    return finish(L, od_response_encode(L, 1, &bytes, &err), &bytes, &err);
}

// Stands for the engine: a socket is the table { worker, socket }.
static bool take_socket(lua_State *L, int index, uint32_t *worker, uint64_t *socket,
                        struct od_error *err)
{
    if (!lua_istable(L, index))
        return od_error_set(err, "the webSocket is no socket");
    lua_rawgeti(L, index, 1);
    lua_rawgeti(L, index, 2);
    *worker = (uint32_t)lua_tonumber(L, -2);
    *socket = (uint64_t)lua_tonumber(L, -1);
    lua_pop(L, 2);
    return true;
}

static void push_socket(lua_State *L, uint32_t worker, uint64_t socket, bool is_events)
{
    (void)is_events;
    lua_createtable(L, 2, 0);
    lua_pushnumber(L, worker);
    lua_rawseti(L, -2, 1);
    lua_pushnumber(L, (lua_Number)socket);
    lua_rawseti(L, -2, 2);
}

int luaopen_open_do_library(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"value_encode", value_encode},
        {"value_decode", value_decode},
        {"values_encode", values_encode},
        {"values_decode", values_decode},
        {"request_push", request_push},
        {"request_encode", request_encode},
        {"response_push", response_push},
        {"response_encode", response_encode},
        {NULL, NULL},
    };
    od_response_socket = take_socket;
    od_response_socket_push = push_socket;
    od_lib_open(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
