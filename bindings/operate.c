#include "operate.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "api/sql_bytes.h"
#include "api/test.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/suggest.h"
#include "engine/embedded.h"
#include "link/commands.h"
#include "link/facts.h"
#include "link/failure.h"
#include "link/invocation.h"
#include "object/call.h"
#include "object/names/route.h"
#include "object/operator/inspection.h"
#include "value/json.h"
#include "value/library.h"
#include "value/value.h"

enum {
    message_bytes_max = 32 << 20
};

struct operation { // Of the command line, which waits.
    struct od_operate base;
    const struct od_options *options;
    od_operate_ask *ask;
    struct od_bytes answer; // Freed at the end, whatever raises before.
};

static struct od_operate *operation_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static od_slice check_slice(lua_State *L, int index)
{
    od_slice text;
    text.at = luaL_checklstring(L, index, &text.size);
    return text;
}

// --- Asking --------------------------------------------------------------------------------------

// The bytes behind the outcome; or nil and the text of the failure.
static int push_outcome(lua_State *L, od_slice answer)
{
    struct od_failure failure;
    if (answer.size > 0 && answer.at[0] == OD_OUTCOME_RESULTS) {
        lua_pushlstring(L, answer.at + 1, answer.size - 1);
        return 1;
    }
    lua_pushnil(L);
    if (answer.size > 0 && od_failure_read(od_slice_from(answer, 1), &failure))
        lua_pushlstring(L, failure.message.at, failure.message.size);
    else
        lua_pushliteral(L, "the answer cannot be read");
    return 2;
}

int od_operate_push_answer(lua_State *L, bool ok, bool has_outcome, od_slice answer)
{
    if (ok && has_outcome)
        return push_outcome(L, answer);
    if (ok) {
        lua_pushlstring(L, answer.at, answer.size);
        return 1;
    }
    lua_pushnil(L);
    lua_pushlstring(L, answer.at, answer.size == 0 ? 0 : answer.size - 1); // Its line break.
    return 2;
}

static int ask_and_wait(lua_State *L, struct od_operate *base, const char *name, bool has_outcome)
{
    struct operation *operation = (struct operation *)base;
    struct od_error err;
    bool ok = false;
    od_bytes_clear(&operation->answer);
    if (operation->ask(operation->options->data_dir, name, od_bytes_slice(&base->message), &ok,
                       &operation->answer, &err))
        return od_operate_push_answer(L, ok, has_outcome, od_bytes_slice(&operation->answer));
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
}

// With a sentence for who asks: no place in our own code stands before it.
static int refuse(lua_State *L, const char *format, const char *word)
{
    lua_pushfstring(L, format, word);
    return lua_error(L);
}

// Whether it is one of that namespace is known to main, which knows its name as stored.
static od_id check_id(lua_State *L)
{
    od_id id;
    od_namespace_key key = {0};
    if (od_id_parse(&key, check_slice(L, 3), &id) == OD_ID_MALFORMED)
        refuse(L, "#%s is no id: it has 64 hex digits", lua_tostring(L, 3));
    return id;
}

// call(namespace, name or nil, id or nil, method or nil, command or nil, sent)
//   -> the bytes it gave, or nil and why not.
static int call(lua_State *L)
{
    struct od_operate *operation = operation_of(L);
    od_slice space = check_slice(L, 1), name = {"", 0};
    bool has_name = !lua_isnil(L, 2), is_method = !lua_isnil(L, 4);
    od_slice what = check_slice(L, is_method ? 4 : 5), sent = check_slice(L, 6);
    if (has_name)
        name = check_slice(L, 2);
    if (!od_namespace_name_is_valid(space))
        return refuse(L, "'%s' cannot be a namespace", space.at);
    od_id id = {{0}};
    if (!has_name)
        id = check_id(L);
    if (what.size > OD_METHOD_BYTES_MAX || sent.size > message_bytes_max)
        return refuse(L, "that is more than a %s can carry", "call");
    od_bytes_clear(&operation->message);
    od_call_begin(&operation->message, is_method ? OD_CALL_METHOD : OD_CALL_COMMAND, &id, space,
                  has_name, name);
    od_invocation_begin(&operation->message, what);
    od_bytes_put_slice(&operation->message, sent);
    return operation->ask(L, operation, "call", true);
}

// list(node, worker, scope, namespace, beginning, bytes, limit, after, order) -> the bytes, or nil
// and why not. [node] 0: the one asked; [scope] is "all", "living" or "awake"; [order] one of those
// below, or nil.
static int list(lua_State *L)
{
    static const char *const scopes[] = {[OD_INSPECT_ALL] = "all",
                                         [OD_INSPECT_LIVING] = "living",
                                         [OD_INSPECT_AWAKE] = "awake",
                                         NULL};
    static const char *const orders[] = {
        [OD_INSPECT_ANY] = "any",     [OD_INSPECT_SOCKETS] = "sockets",
        [OD_INSPECT_QUEUE] = "queue", [OD_INSPECT_ERRORS] = "errors",
        [OD_INSPECT_BUSY] = "busy",   [OD_INSPECT_SLOWEST] = "slowest",
        [OD_INSPECT_LAST] = "last",   NULL};
    struct od_operate *operation = operation_of(L);
    struct od_bytes *message = &operation->message;
    od_bytes_clear(message);
    od_bytes_put_u32(message, (uint32_t)luaL_checknumber(L, 1));
    od_bytes_put_u32(message, (uint32_t)luaL_checknumber(L, 2));
    od_bytes_put_u8(message, (uint8_t)luaL_checkoption(L, 3, NULL, scopes));
    od_bytes_put_string(message, check_slice(L, 4));
    od_bytes_put_string(message, check_slice(L, 5));
    od_bytes_put_u8(message, lua_toboolean(L, 6) != 0);
    od_bytes_put_u8(message, (uint8_t)luaL_checkoption(L, 9, "any", orders));
    od_bytes_put_u32(message, (uint32_t)luaL_checkinteger(L, 7));
    od_bytes_put_string(message, check_slice(L, 8));
    return operation->ask(L, operation, "list", true);
}

// ask(name, body) -> what main answers to it, or nil and why not.
static int ask_main(lua_State *L)
{
    struct od_operate *operation = operation_of(L);
    od_bytes_clear(&operation->message);
    od_bytes_put_slice(&operation->message, check_slice(L, 2));
    return operation->ask(L, operation, luaL_checkstring(L, 1), false);
}

// --- Bytes ---------------------------------------------------------------------------------------

// pack(...) -> strings as str, numbers as u32.
static int pack(lua_State *L)
{
    struct od_bytes *bytes = &operation_of(L)->message;
    od_bytes_clear(bytes);
    for (int i = 1; i <= lua_gettop(L); i++) {
        if (lua_type(L, i) == LUA_TNUMBER)
            od_bytes_put_u32(bytes, (uint32_t)lua_tonumber(L, i));
        else
            od_bytes_put_string(bytes, check_slice(L, i));
    }
    lua_pushlstring(L, bytes->size > 0 ? bytes->at : "", bytes->size);
    return 1;
}

static void push_stored(lua_State *L, od_slice value)
{
    struct od_error err;
    if (!od_value_decode(L, value, &err))
        luaL_error(L, "a value cannot be read: %s", err.text);
}

// pairs(bytes) -> { { key, value }, ... }
static int read_pairs(lua_State *L)
{
    struct od_cursor cursor = od_cursor_of(check_slice(L, 1));
    lua_newtable(L);
    for (int i = 1; !od_cursor_at_end(&cursor); i++) {
        od_slice key = od_cursor_string(&cursor), value = od_cursor_string(&cursor);
        lua_createtable(L, 2, 0);
        lua_pushlstring(L, key.at, key.size);
        lua_rawseti(L, -2, 1);
        push_stored(L, value);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, i);
    }
    return 1;
}

// The record is on top of the stack.
static void add_item(lua_State *L, od_slice name, od_slice item)
{
    lua_pushlstring(L, name.at, name.size);
    lua_rawget(L, -2);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        od_json_mark_array(L, lua_gettop(L));
        lua_pushlstring(L, name.at, name.size);
        lua_pushvalue(L, -2);
        lua_rawset(L, -4);
    }
    lua_pushlstring(L, item.at, item.size);
    lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
    lua_pop(L, 1);
}

static void add_fact(lua_State *L, enum od_fact_kind kind, struct od_cursor *cursor)
{
    od_slice name = od_cursor_string(cursor);
    if (kind == OD_FACT_ITEM) {
        add_item(L, name, od_cursor_string(cursor));
        return;
    }
    lua_pushlstring(L, name.at, name.size);
    if (kind == OD_FACT_NUMBER) {
        lua_pushnumber(L, (lua_Number)od_cursor_u64(cursor));
    } else {
        od_slice value = od_cursor_string(cursor);
        if (kind == OD_FACT_VALUE)
            push_stored(L, value);
        else
            lua_pushlstring(L, value.at, value.size);
    }
    lua_rawset(L, -3);
}

// facts(bytes, begin) -> { { name = fact, ... }, ... }, those from the byte [begin] on.
static int read_facts(lua_State *L)
{
    od_slice bytes = check_slice(L, 1);
    struct od_cursor cursor = od_cursor_of(od_slice_from(bytes, (size_t)luaL_optint(L, 2, 0)));
    lua_newtable(L);
    for (int i = 1; !od_cursor_at_end(&cursor); i++) {
        lua_newtable(L);
        for (uint8_t kind; (kind = od_cursor_u8(&cursor)) != OD_FACT_END;)
            add_fact(L, kind, &cursor);
        lua_rawseti(L, -2, i);
    }
    return 1;
}

// page(bytes) -> how many workers there are, the place where the page ends, where the facts begin,
// and the sum of the slots of the worker.
static int read_page(lua_State *L)
{
    struct od_cursor cursor = od_cursor_of(check_slice(L, 1));
    lua_pushnumber(L, od_cursor_u32(&cursor));
    lua_Number slots = (lua_Number)od_cursor_u64(&cursor);
    od_slice place = od_cursor_string(&cursor);
    lua_pushlstring(L, place.at, place.size);
    lua_pushinteger(L, (lua_Integer)place.size + 16);
    lua_pushnumber(L, slots);
    return 4;
}

// terminal_ms() -> a time in ms, when somebody sees what is written to stderr; else nothing.
static int terminal_ms(lua_State *L)
{
    if (isatty(STDERR_FILENO) == 0)
        return 0;
    lua_pushnumber(L, (lua_Number)od_clock_monotonic_ms());
    return 1;
}

// number(bytes, begin) -> the u32 that stands there.
static int read_number(lua_State *L)
{
    od_slice bytes = check_slice(L, 1);
    struct od_cursor cursor = od_cursor_of(od_slice_from(bytes, (size_t)luaL_checkint(L, 2)));
    lua_pushnumber(L, od_cursor_u32(&cursor));
    return 1;
}

// pause(ms) -> whether what is written can still be read; when not, it is over at once. A pipe or a
// terminal whose other end has gone says so without being asked for anything.
static int pause_for(lua_State *L)
{
    struct pollfd output = {.fd = STDOUT_FILENO};
    lua_pushboolean(L, poll(&output, 1, luaL_checkint(L, 1)) <= 0);
    return 1;
}

// count(number) -> its bytes as a u64
static int pack_count(lua_State *L)
{
    struct od_bytes *bytes = &operation_of(L)->message;
    lua_Number number = luaL_checknumber(L, 1);
    if (!(number >= 0 && number <= 0x1p53))
        return refuse(L, "%s is no count", lua_tostring(L, 1));
    od_bytes_clear(bytes);
    od_bytes_put_u64(bytes, (uint64_t)number);
    lua_pushlstring(L, bytes->at, bytes->size);
    return 1;
}

// nearest(word, names) -> the one that was meant, or nil.
static int nearest(lua_State *L)
{
    struct od_suggest suggest = {.word = luaL_checkstring(L, 1)};
    luaL_checktype(L, 2, LUA_TTABLE);
    for (int i = 1; i <= (int)lua_objlen(L, 2); i++) {
        lua_rawgeti(L, 2, i);
        od_suggest_try(&suggest, luaL_checkstring(L, -1)); // The table keeps it.
        lua_pop(L, 1);
    }
    lua_pushstring(L, suggest.name);
    return 1;
}

// --- From first word to exit ---------------------------------------------------------------------

void od_operate_open(lua_State *L, struct od_operate *operation)
{
    static const luaL_Reg functions[] = {{"ask", ask_main},
                                         {"terminal_ms", terminal_ms},
                                         {"pause", pause_for},
                                         {"count", pack_count},
                                         {"call", call},
                                         {"list", list},
                                         {"pack", pack},
                                         {"pairs", read_pairs},
                                         {"facts", read_facts},
                                         {"page", read_page},
                                         {"number", read_number},
                                         {"nearest", nearest},
                                         {"query", od_sql_bytes_query},
                                         {"rows", od_sql_bytes_rows},
                                         {NULL, NULL}};
    lua_newtable(L);
    lua_pushlightuserdata(L, operation);
    luaL_setfuncs(L, functions, 1);
    od_embedded_put_native_table(L, "command");
    od_lib_test_put_values(L);
}

static void push_options(lua_State *L, const struct od_options *options)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    lua_newtable(L);
    lua_pushboolean(L, options->json);
    lua_setfield(L, -2, "json");
    lua_pushboolean(L, options->look.awake);
    lua_setfield(L, -2, "awake");
    lua_pushboolean(L, options->look.events);
    lua_setfield(L, -2, "events");
    lua_pushboolean(L, options->look.follow);
    lua_setfield(L, -2, "follow");
    lua_pushstring(L, levels[options->log_level]);
    lua_setfield(L, -2, "log_level");
    lua_pushboolean(L, options->look.read_only);
    lua_setfield(L, -2, "read_only");
    lua_pushstring(L, options->look.order);
    lua_setfield(L, -2, "order");
    lua_pushstring(L, options->look.cursor);
    lua_setfield(L, -2, "cursor");
    if (options->look.limit > 0) {
        lua_pushnumber(L, options->look.limit);
        lua_setfield(L, -2, "limit");
    }
}

// A lua_CFunction: (operation).
static int run(lua_State *L)
{
    struct operation *operation = lua_touserdata(L, 1);
    const struct od_options *options = operation->options;
    luaL_openlibs(L);
    od_lib_open(L);
    od_embedded_open_library(L);
    od_operate_open(L, &operation->base);
    od_embedded_push(L, "open-do.command");
    lua_pushstring(L, od_options_command_name(options));
    lua_newtable(L);
    for (int i = 0; options->words[i] != NULL; i++) {
        lua_pushstring(L, options->words[i]);
        lua_rawseti(L, -2, i + 1);
    }
    push_options(L, options);
    lua_call(L, 3, 1);
    return 1;
}

enum od_exit od_operate_run(const struct od_options *options, od_operate_ask *ask_server)
{
    struct operation operation = {
        .base = {.ask = ask_and_wait}, .options = options, .ask = ask_server};
    lua_State *L = luaL_newstate();
    OD_ASSERT(L != NULL);
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, &operation);
    bool ok = lua_pcall(L, 1, 1, 0) == 0;
    enum od_exit exit = ok ? (enum od_exit)lua_tointeger(L, -1) : OD_EXIT_WRONG;
    if (!ok)
        fprintf(stderr, "open-do: %s\n", lua_tostring(L, -1));
    lua_close(L);
    od_bytes_deinit(&operation.base.message);
    od_bytes_deinit(&operation.answer);
    return exit;
}
