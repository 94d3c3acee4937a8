#include "admin_site.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/log.h"
#include "engine/embedded.h"
#include "link/origin.h"
#include "operate.h"
#include "process_facts.h"
#include "value/http_message.h"
#include "value/library.h"

struct site {
    struct od_admin_site base; // First.
    struct od_operate operation;
    struct od_admin_process *process;
    const struct od_options *options;
    lua_State *L;
    int handlers;     // A reference: the functions of lua/open-do/admin.
    uint64_t asked;   // The last question,
    bool has_outcome; // and what its answer is.
    struct od_bytes bytes;
};

static struct site *site_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static od_slice check_slice(lua_State *L, int index)
{
    od_slice text;
    text.at = luaL_checklstring(L, index, &text.size);
    return text;
}

// --- Telling Lua ---------------------------------------------------------------------------------

static struct site *begin(struct od_admin_site *base, const char *handler)
{
    struct site *site = (struct site *)base;
    lua_settop(site->L, 0);
    lua_rawgeti(site->L, LUA_REGISTRYINDEX, site->handlers);
    lua_getfield(site->L, -1, handler);
    return site;
}

// What goes wrong here is a mistake in our own Lua. It is told, and costs what was asked.
static void call_handler(struct site *site, int argument_count)
{
    if (lua_pcall(site->L, argument_count, 0, 0) != 0)
        od_log(OD_LOG_ERROR, NULL, "the admin process: %s", lua_tostring(site->L, -1));
    lua_settop(site->L, 0);
}

static void on_tokens(struct od_admin_site *base, od_slice token, od_slice read_token)
{
    struct site *site = begin(base, "tokens");
    lua_pushlstring(site->L, token.at, token.size);
    lua_pushlstring(site->L, read_token.at, read_token.size);
    call_handler(site, 2);
}

static void on_request(struct od_admin_site *base, uint64_t exchange, od_slice request)
{
    struct site *site = begin(base, "request");
    lua_pushnumber(site->L, (lua_Number)exchange);
    od_request_push(site->L, request);
    call_handler(site, 2);
}

static void on_message(struct od_admin_site *base, uint64_t websocket, od_slice text)
{
    struct site *site = begin(base, "message");
    lua_pushnumber(site->L, (lua_Number)websocket);
    lua_pushlstring(site->L, text.at, text.size);
    call_handler(site, 2);
}

static void on_closed(struct od_admin_site *base, uint64_t websocket)
{
    struct site *site = begin(base, "closed");
    lua_pushnumber(site->L, (lua_Number)websocket);
    call_handler(site, 1);
}

static void on_answer(struct od_admin_site *base, uint64_t question, bool ok, od_slice answer)
{
    struct site *site = begin(base, "answer");
    lua_pushnumber(site->L, (lua_Number)question);
    lua_pushboolean(site->L, ok);
    lua_pushlstring(site->L, answer.at, answer.size);
    call_handler(site, 3);
}

static void on_tick(struct od_admin_site *base)
{
    call_handler(begin(base, "tick"), 0);
}

static void free_site(struct od_admin_site *base)
{
    struct site *site = (struct site *)base;
    lua_close(site->L);
    od_bytes_deinit(&site->operation.message);
    od_bytes_deinit(&site->bytes);
    free(site);
}

static const struct od_admin_site functions_of_site = {free_site, on_tokens, on_request, on_message,
                                                       on_closed, on_answer, on_tick};

// --- What Lua can do -----------------------------------------------------------------------------

// answer(exchange, response)
static int answer(lua_State *L)
{
    struct site *site = site_of(L);
    struct od_error err;
    od_bytes_clear(&site->bytes);
    if (!od_response_encode(L, 2, &site->bytes, &err))
        return luaL_error(L, "%s", err.text);
    od_admin_answer(site->process, (uint64_t)luaL_checknumber(L, 1), od_bytes_slice(&site->bytes));
    return 0;
}

// upgrade(exchange) -> whether it is a WebSocket now
static int upgrade(lua_State *L)
{
    lua_pushboolean(L, od_admin_upgrade(site_of(L)->process, (uint64_t)luaL_checknumber(L, 1)));
    return 1;
}

// send(websocket, text) -> whether there was room for it
static int send_text(lua_State *L)
{
    lua_pushboolean(
        L, od_admin_send(site_of(L)->process, (uint64_t)luaL_checknumber(L, 1), check_slice(L, 2)));
    return 1;
}

// close(websocket, code, reason)
static int close_websocket(lua_State *L)
{
    od_admin_close(site_of(L)->process, (uint64_t)luaL_checknumber(L, 1),
                   (uint16_t)luaL_checkinteger(L, 2), check_slice(L, 3));
    return 0;
}

// text(name) -> a file of lua/open-do/admin/page
static int text(lua_State *L)
{
    od_slice source = od_embedded_source(luaL_checkstring(L, 1));
    lua_pushlstring(L, source.at, source.size);
    return 1;
}

// asked() -> the number of the question for which a command has just begun to wait, and whether its
// answer is that of a call
static int asked(lua_State *L)
{
    const struct site *site = site_of(L);
    lua_pushnumber(L, (lua_Number)site->asked);
    lua_pushboolean(L, site->has_outcome);
    return 2;
}

// read(ok, has_outcome, answer) -> what the command that waits gets: bytes, or nil and why not
static int read_answer(lua_State *L)
{
    return od_operate_push_answer(L, lua_toboolean(L, 1), lua_toboolean(L, 2), check_slice(L, 3));
}

// is_known(host) -> whether who says so in Host may mean this program
static int is_known(lua_State *L)
{
    const char *names = site_of(L)->options->admin_host;
    lua_pushboolean(
        L, od_origin_host_is_allowed(check_slice(L, 1), od_slice_of(names == NULL ? "" : names)));
    return 1;
}

// log(level, text)
static int log_line(lua_State *L)
{
    enum od_log_level level = OD_LOG_INFO;
    if (!od_log_level_parse(luaL_checkstring(L, 1), &level))
        return luaL_argerror(L, 1, "no level");
    od_log_slice(level, (od_slice){NULL, 0}, check_slice(L, 2));
    return 0;
}

// --- Waiting -------------------------------------------------------------------------------------

static const char token; // Its address; what a coroutine yields that waits for main.

// For whom is said by whoever runs the command, in native.admin.who.
static od_slice who_asks(lua_State *L)
{
    od_slice who = {"", 0};
    lua_getfield(L, LUA_REGISTRYINDEX, "open-do.admin.who");
    if (lua_isstring(L, -1))
        who.at = lua_tolstring(L, -1, &who.size); // The registry keeps it.
    lua_pop(L, 1);
    return who;
}

static int set_who(lua_State *L)
{
    lua_settop(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "open-do.admin.who");
    return 0;
}

static int ask_and_yield(lua_State *L, struct od_operate *operation, const char *name,
                         bool has_outcome)
{
    struct site *site =
        (struct site *)(void *)((char *)operation - offsetof(struct site, operation));
    site->has_outcome = has_outcome;
    site->asked = od_admin_ask(site->process, od_slice_of(name), who_asks(L),
                               od_bytes_slice(&operation->message));
    if (site->asked == 0)
        return od_operate_push_answer(L, false, false,
                                      OD_SLICE("too much is being asked already\n"));
    lua_pushlightuserdata(L, (void *)(uintptr_t)&token);
    return lua_yield(L, 1);
}

static int has_room(lua_State *L)
{
    lua_pushboolean(L, true); // Only our own Lua runs here.
    return 1;
}

static int running(lua_State *L)
{
    if (lua_pushthread(L) == 1)
        lua_pushnil(L);
    return 1;
}

// The commands' own coroutines pass the wait on.
static void open_coroutines(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"has_room", has_room}, {"running", running}, {NULL, NULL}};
    lua_pushlightuserdata(L, (void *)(uintptr_t)&token);
    od_embedded_put_native_table(L, "token");
    od_embedded_put_native(L, "coroutine", functions);
    lua_getglobal(L, "coroutine");
    od_embedded_put_native_table(L, "raw_coroutine");
    od_embedded_push(L, "engine.coroutine");
    lua_setglobal(L, "coroutine");
}

// --- Birth ---------------------------------------------------------------------------------------

static void put_native(lua_State *L, struct site *site)
{
    static const luaL_Reg functions[] = {{"answer", answer},
                                         {"upgrade", upgrade},
                                         {"send", send_text},
                                         {"close", close_websocket},
                                         {"text", text},
                                         {"asked", asked},
                                         {"read", read_answer},
                                         {"is_known", is_known},
                                         {"log", log_line},
                                         {"who", set_who},
                                         {"process", od_process_facts},
                                         {NULL, NULL}};
    lua_newtable(L);
    lua_pushlightuserdata(L, site);
    luaL_setfuncs(L, functions, 1);
    od_embedded_put_native_table(L, "admin");
}

// A lua_CFunction: (site).
static int open_site(lua_State *L)
{
    struct site *site = lua_touserdata(L, 1);
    luaL_openlibs(L);
    od_lib_open(L);
    od_embedded_open_library(L);
    od_operate_open(L, &site->operation);
    put_native(L, site);
    open_coroutines(L);
    od_embedded_push(L, "open-do.admin");
    site->handlers = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

struct od_admin_site *od_admin_bindings_new(struct od_admin_process *process,
                                            const struct od_options *options, struct od_error *err)
{
    struct site *site = od_allocate_zeroed(sizeof *site);
    site->base = functions_of_site;
    site->operation.ask = ask_and_yield;
    site->process = process;
    site->options = options;
    site->L = luaL_newstate();
    OD_ASSERT(site->L != NULL);
    lua_pushcfunction(site->L, open_site);
    lua_pushlightuserdata(site->L, site);
    if (lua_pcall(site->L, 1, 0, 0) == 0)
        return &site->base;
    od_error_set(err, "%s", lua_tostring(site->L, -1));
    free_site(&site->base);
    return NULL;
}
