#include "operate.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "api/test.h"
#include "base/cursor.h"
#include "base/suggest.h"
#include "engine/embedded.h"
#include "link/commands.h"
#include "link/failure.h"
#include "link/invocation.h"
#include "object/call.h"
#include "object/facts.h"
#include "object/route.h"
#include "value/json.h"
#include "value/library.h"
#include "value/value.h"

enum {
    message_bytes_max = 32 << 20
};

struct operation {
    const struct od_options *options;
    od_operate_ask *ask;
    struct od_bytes message; // Freed at the end, whatever raises before.
    struct od_bytes answer;
};

static struct operation *operation_of(lua_State *L)
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

// Pushes true and the answer, or nil and why there is none.
static int ask(lua_State *L, struct operation *operation, const char *name)
{
    struct od_error err;
    bool ok = false;
    od_bytes_clear(&operation->answer);
    bool is_there =
        operation->ask(operation->options->data_dir, name, od_bytes_slice(&operation->message), &ok,
                       &operation->answer, &err);
    if (is_there && ok) {
        lua_pushlstring(L, operation->answer.at, operation->answer.size);
        return 1;
    }
    lua_pushnil(L);
    if (is_there)
        lua_pushlstring(L, operation->answer.at, operation->answer.size - 1); // Its line break.
    else
        lua_pushstring(L, err.text);
    return 2;
}

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

static od_id check_id(lua_State *L, const od_namespace_key *key)
{
    od_id id;
    if (od_id_parse(key, check_slice(L, 3), &id) != OD_ID_OK)
        luaL_error(L, "#%s is no id of this namespace", lua_tostring(L, 3));
    return id;
}

// call(namespace, name or nil, id or nil, method or nil, command or nil, sent)
//   -> the bytes it gave, or nil and why not.
static int call(lua_State *L)
{
    struct operation *operation = operation_of(L);
    od_slice space = check_slice(L, 1), name = {"", 0};
    bool has_name = !lua_isnil(L, 2), is_method = !lua_isnil(L, 4);
    od_slice what = check_slice(L, is_method ? 4 : 5), sent = check_slice(L, 6);
    if (has_name)
        name = check_slice(L, 2);
    if (!od_namespace_name_is_valid(space))
        return luaL_error(L, "'%s' cannot be a namespace", space.at);
    od_namespace_key key = od_namespace_key_of(space);
    od_id id = has_name ? od_id_of_name(&key, name) : check_id(L, &key);
    if (what.size > OD_METHOD_BYTES_MAX || sent.size > message_bytes_max)
        return luaL_error(L, "that is more than a call can carry");
    od_bytes_clear(&operation->message);
    od_call_begin(&operation->message, is_method ? OD_CALL_METHOD : OD_CALL_COMMAND, &id, space,
                  has_name, name);
    od_invocation_begin(&operation->message, what);
    od_bytes_put_slice(&operation->message, sent);
    int pushed = ask(L, operation, "call");
    return pushed == 1 ? push_outcome(L, od_bytes_slice(&operation->answer)) : pushed;
}

// inspect(worker, namespace, beginning, awake, limit, after) -> the bytes, or nil and why not.
static int inspect(lua_State *L)
{
    struct operation *operation = operation_of(L);
    struct od_bytes *message = &operation->message;
    od_bytes_clear(message);
    od_bytes_put_u32(message, (uint32_t)luaL_checkinteger(L, 1));
    od_bytes_put_string(message, check_slice(L, 2));
    od_bytes_put_string(message, check_slice(L, 3));
    od_bytes_put_u8(message, lua_toboolean(L, 4) != 0);
    od_bytes_put_u32(message, (uint32_t)luaL_checkinteger(L, 5));
    od_bytes_put_string(message, check_slice(L, 6));
    int pushed = ask(L, operation, "inspect");
    return pushed == 1 ? push_outcome(L, od_bytes_slice(&operation->answer)) : pushed;
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

// string(bytes) -> the str they begin with, and how many bytes that takes.
static int read_string(lua_State *L)
{
    struct od_cursor cursor = od_cursor_of(check_slice(L, 1));
    od_slice text = od_cursor_string(&cursor);
    lua_pushlstring(L, text.at, text.size);
    lua_pushinteger(L, (lua_Integer)text.size + 4);
    return 2;
}

// number(bytes, begin) -> the u32 that stands there.
static int read_number(lua_State *L)
{
    od_slice bytes = check_slice(L, 1);
    struct od_cursor cursor = od_cursor_of(od_slice_from(bytes, (size_t)luaL_checkint(L, 2)));
    lua_pushnumber(L, od_cursor_u32(&cursor));
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

static const char *command_name(const struct od_options *options)
{
    static const char *const names[OD_COMMAND_COUNT] = {
        [OD_COMMAND_OBJECTS] = "objects",
        [OD_COMMAND_OBJECT] = "object",
        [OD_COMMAND_KV] = "kv",
        [OD_COMMAND_CALL] = "call",
        [OD_COMMAND_SOCKETS] = "sockets",
        [OD_COMMAND_ALARM] = "alarm",
        [OD_COMMAND_HIBERNATE] = "hibernate",
        [OD_COMMAND_EVICT] = "evict",
        [OD_COMMAND_RESET] = "reset",
        [OD_COMMAND_DELETE] = "delete",
        [OD_COMMAND_EXPORT] = "export",
        [OD_COMMAND_IMPORT] = "import",
    };
    return names[options->command];
}

static void put_native(lua_State *L, struct operation *operation)
{
    static const luaL_Reg functions[] = {
        {"call", call},          {"inspect", inspect},  {"pack", pack},
        {"pairs", read_pairs},   {"facts", read_facts}, {"string", read_string},
        {"number", read_number}, {"nearest", nearest},  {NULL, NULL}};
    lua_newtable(L);
    lua_pushlightuserdata(L, operation);
    luaL_setfuncs(L, functions, 1);
    od_embedded_put_native_table(L, "command");
    od_lib_test_put_values(L);
}

// A lua_CFunction: (operation).
static int run(lua_State *L)
{
    struct operation *operation = lua_touserdata(L, 1);
    const struct od_options *options = operation->options;
    luaL_openlibs(L);
    od_lib_open(L);
    od_embedded_open_library(L);
    put_native(L, operation);
    od_embedded_push(L, "open-do.command");
    lua_pushstring(L, command_name(options));
    lua_newtable(L);
    for (int i = 0; options->words[i] != NULL; i++) {
        lua_pushstring(L, options->words[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushboolean(L, options->json);
    lua_call(L, 3, 1);
    return 1;
}

enum od_exit od_operate_run(const struct od_options *options, od_operate_ask *ask_server)
{
    struct operation operation = {.options = options, .ask = ask_server};
    lua_State *L = luaL_newstate();
    OD_ASSERT(L != NULL);
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, &operation);
    bool ok = lua_pcall(L, 1, 1, 0) == 0;
    enum od_exit exit = ok ? (enum od_exit)lua_tointeger(L, -1) : OD_EXIT_WRONG;
    if (!ok)
        fprintf(stderr, "open-do: %s\n", lua_tostring(L, -1));
    lua_close(L);
    od_bytes_deinit(&operation.message);
    od_bytes_deinit(&operation.answer);
    return exit;
}
