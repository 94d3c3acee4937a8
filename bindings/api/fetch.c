#include "api/fetch.h"

#include <string.h>

#include <lauxlib.h>

#include "engine/embedded.h"
#include "engine/engine.h"
#include "link/failure.h"
#include "link/request.h"
#include "object/limits.h"
#include "value/http_message.h"
#include "value/raise.h"

static const struct {
    const char *name;
    enum od_fetch_redirect redirect;
} redirects[] = {
    {"follow", OD_FETCH_FOLLOW}, {"error", OD_FETCH_ERROR}, {"manual", OD_FETCH_MANUAL}};

static enum od_fetch_redirect check_redirect(lua_State *L, int init)
{
    if (lua_isnil(L, init) || !od_option(L, init, "fetch", "redirect", LUA_TSTRING))
        return OD_FETCH_FOLLOW;
    const char *text = lua_tostring(L, -1);
    for (size_t i = 0; i < sizeof redirects / sizeof *redirects; i++) {
        if (strcmp(text, redirects[i].name) == 0)
            return redirects[i].redirect;
    }
    od_raise(L, "fetch: redirect must be \"follow\", \"error\" or \"manual\", got \"%s\"", text);
}

static uint32_t check_timeout(lua_State *L, int init)
{
    if (lua_isnil(L, init) || !od_option(L, init, "fetch", "timeout", LUA_TNUMBER))
        return OD_OUTGOING_MS;
    double ms = lua_tonumber(L, -1);
    if (!(ms >= 1 && ms <= OD_OUTGOING_MS_MAX))
        od_raise(L, "fetch: timeout must be 1 to %d milliseconds, got %.14g", OD_OUTGOING_MS_MAX,
                 ms);
    return (uint32_t)ms;
}

// Whether it asks for a WebSocket.
static bool check_upgrade(lua_State *L, const struct od_request *request, bool streams)
{
    od_slice upgrade;
    if (!od_headers_find(request->headers, OD_SLICE("upgrade"), &upgrade) ||
        !od_slice_equal_nocase(upgrade, OD_SLICE("websocket")))
        return false;
    bool is_plain = od_slice_equal(request->method, OD_SLICE("GET")) && request->body.size == 0 &&
                    request->stream == 0 && !streams;
    if (!is_plain)
        od_raise(L,
                 "fetch: a WebSocket is asked for with GET, without a body or the option stream");
    return true;
}

// A Request may be sent on as it came in; one of these methods it then has from its client.
static void check_request(lua_State *L, od_slice message, struct od_outgoing_way *way)
{
    struct od_request request;
    bool is_request = od_request_read(message, &request);
    OD_ASSERT(is_request);
    way->upgrades = check_upgrade(L, &request, way->streams);
    static const char *const never[] = {"CONNECT", "TRACE", "TRACK"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        if (od_slice_equal_nocase(request.method, od_slice_of(never[i])))
            od_raise(L, "fetch: the method %s cannot be sent", never[i]);
    }
}

// A Request may stand for the options, too: fetch(url, request).
static void check_names(lua_State *L)
{
    static const char *const names[] = {"method",  "headers", "body", "redirect",
                                        "timeout", "stream",  NULL};
    if (lua_istable(L, 2) && !lua_getmetatable(L, 2))
        od_check_option_names(L, 2, "fetch", names);
    lua_settop(L, 2);
}

static void check_arguments(lua_State *L)
{
    if (!lua_isnil(L, 2) && !lua_istable(L, 2))
        od_raise(L, "fetch: argument 2 must be a table of options, got %s", od_describe(L, 2));
    if (lua_type(L, 1) == LUA_TSTRING && *lua_tostring(L, 1) == '/')
        od_raise(L, "fetch: the URL \"%s\" has no host; od.fetch needs a whole one, \"http://...\"",
                 lua_tostring(L, 1));
}

// begin(input, init): waits; gives (true, response) or (false, failure record).
static int begin(lua_State *L)
{
    lua_settop(L, 2);
    struct od_wait *wait = od_wait_prepare(L, "fetch");
    struct od_error err;
    check_arguments(L);
    check_names(L);
    wait->way.redirect = check_redirect(L, 2);
    wait->way.timeout_ms = check_timeout(L, 2);
    wait->way.streams = !lua_isnil(L, 2) && od_option_flag(L, 2, "fetch", "stream");
    lua_settop(L, 2);
    if (!od_request_encode(L, 1, 2, &wait->bytes, &err))
        od_raise(L, "fetch: %s", err.text);
    check_request(L, od_bytes_slice(&wait->bytes), &wait->way);
    return od_wait_yield(L, OD_WAIT_FETCH);
}

// fail(failure record): raises its message at the line of the script.
static int fail(lua_State *L)
{
    struct od_failure failure;
    od_slice record = od_check_string(L, 1, "fetch");
    bool is_failure = od_failure_read(record, &failure);
    OD_ASSERT(is_failure);
    od_raise(L, "%.*s", (int)failure.message.size, failure.message.at);
}

void od_lib_fetch_open(lua_State *L)
{
    static const luaL_Reg halves[] = {{"begin", begin}, {"fail", fail}, {NULL, NULL}};
    od_embedded_put_native(L, "fetch", halves);
    od_embedded_push(L, "engine.fetch");
    od_embedded_put_runtime(L, "fetch");
}
