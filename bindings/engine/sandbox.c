#include "engine/sandbox.h"

#include <string.h>
#include <sys/random.h>

#include <lauxlib.h>
#include <lualib.h>

#include "engine/embedded.h"
#include "engine/engine.h"
#include "engine/freeze.h"
#include "engine/package.h"
#include "engine/require.h"
#include "value/raise.h"

// What scripts get of each library, NULL at the end. "" is the globals.
static const struct {
    const char *library;
    const char *names[24];
} allowed[] = {
    {"",
     {"_VERSION", "assert", "error", "getmetatable", "ipairs", "next", "pcall", "rawequal",
      "rawget", "select", "setmetatable", "tonumber", "type", "unpack", "xpcall", "tostring",
      NULL}},
    {"bit",
     {"arshift", "band", "bnot", "bor", "bswap", "bxor", "lshift", "rol", "ror", "rshift", "tobit",
      "tohex", NULL}},
    {"math", {"abs",   "acos", "asin",  "atan", "atan2", "ceil", "cos",   "cosh",
              "deg",   "exp",  "floor", "fmod", "frexp", "huge", "ldexp", "log",
              "log10", "max",  "min",   "modf", "pi",    "pow",  "rad",   NULL}},
    {"math", {"random", "randomseed", "sin", "sinh", "sqrt", "tan", "tanh", NULL}},
    {"os", {"clock", "date", "difftime", "time", NULL}},
    {"string",
     {"byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse",
      "sub", "upper", NULL}},
    {"table", {"concat", "insert", "maxn", "move", "remove", "sort", NULL}},
};

void od_sandbox_open_standard(lua_State *L)
{
    luaL_openlibs(L);
    unsigned seed;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed = 1;
    lua_getglobal(L, "math");
    lua_getfield(L, -1, "randomseed"); // Else every worker would roll the same dice.
    lua_pushinteger(L, (lua_Integer)seed);
    lua_call(L, 1, 0);
    lua_pop(L, 1);
}

static int collectgarbage(lua_State *L)
{
    if (strcmp(luaL_optstring(L, 1, "collect"), "count") != 0)
        od_raise(L, "collectgarbage: scripts can only ask for \"count\"");
    lua_pushnumber(L, (lua_Number)od_engine_of(L)->memory.used / 1024);
    return 1;
}

static int rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    if (od_is_frozen(L, 1))
        od_raise(L, "rawset: the table is read-only");
    lua_rawset(L, 1);
    return 1;
}

// table.pack and unpack as of Lua 5.2, which modules written for any Lua would else put there.
static int pack(lua_State *L)
{
    int count = lua_gettop(L);
    lua_createtable(L, count, 1);
    lua_insert(L, 1);
    for (int i = count; i > 0; i--)
        lua_rawseti(L, 1, i);
    lua_pushinteger(L, count);
    lua_setfield(L, 1, "n");
    return 1;
}

static void add_to_table(lua_State *L, int globals)
{
    lua_getfield(L, globals, "table");
    lua_pushcfunction(L, pack);
    lua_setfield(L, -2, "pack");
    lua_getfield(L, globals, "unpack");
    lua_setfield(L, -2, "unpack");
    lua_pop(L, 1);
}

// Puts the pieces that the function at index 1 returns into one string, in its place.
static void gather_pieces(lua_State *L)
{
    lua_pushliteral(L, "");
    for (;;) {
        lua_pushvalue(L, 1);
        lua_call(L, 0, 1);
        if (lua_isnil(L, -1) || (lua_isstring(L, -1) && lua_objlen(L, -1) == 0))
            break;
        if (!lua_isstring(L, -1))
            od_raise(L, "load: the reader function must return a string, got %s",
                     od_describe(L, -1));
        lua_concat(L, 2);
    }
    lua_pop(L, 1);
    lua_replace(L, 1);
}

// load(text or function, name, mode, environment): never bytecode, which could do anything.
static int load(lua_State *L)
{
    lua_settop(L, 4);
    if (lua_isfunction(L, 1))
        gather_pieces(L);
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    const char *name = luaL_optstring(L, 2, text);
    if (!lua_isnil(L, 4))
        luaL_checktype(L, 4, LUA_TTABLE); // lua_setfenv trusts its caller.
    if (luaL_loadbufferx(L, text, size, name, "t") != 0) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    if (!lua_isnil(L, 4)) {
        lua_pushvalue(L, 4);
        lua_setfenv(L, -2);
    }
    return 1;
}

// A global a script has written: most often a forgotten `local`.
static int refuse_global(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    od_raise(L,
             "the variable '%s' is not declared; write `local %s`, or `self.%s` for what "
             "belongs to an object",
             name, name, name);
}

// Copies the allowed names of the table on top into [to].
static void copy_names(lua_State *L, const char *const *names, int to)
{
    for (; *names != NULL; names++) {
        lua_getfield(L, -1, *names);
        lua_setfield(L, to, *names);
    }
}

static void copy_library(lua_State *L, const char *library, const char *const *names, int to)
{
    lua_getglobal(L, library);
    lua_getfield(L, to, library);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
    }
    lua_insert(L, -2);
    copy_names(L, names, lua_gettop(L) - 1);
    lua_pop(L, 1);
    lua_setfield(L, to, library);
}

static void copy_standard(lua_State *L, int to)
{
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        if (allowed[i].library[0] != '\0') {
            copy_library(L, allowed[i].library, allowed[i].names, to);
            continue;
        }
        lua_pushvalue(L, LUA_GLOBALSINDEX);
        copy_names(L, allowed[i].names, to);
        lua_pop(L, 1);
    }
}

static void freeze_libraries(lua_State *L, int to)
{
    static const char *const libraries[] = {"bit", "coroutine", "math", "os", "string", "table"};
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        lua_getfield(L, to, libraries[i]);
        od_freeze(L, libraries[i]);
        lua_setfield(L, to, libraries[i]);
    }
}

// The methods of strings are those that scripts have as `string`; of the whole library, which has
// `dump`, nothing is left in reach.
static void lock_strings(lua_State *L, int to)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_getfield(L, to, "string");
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

void od_sandbox_open(lua_State *L)
{
    static const luaL_Reg own[] = {{"collectgarbage", collectgarbage},
                                   {"load", load},
                                   {"loadstring", load},
                                   {"rawset", rawset},
                                   {"require", od_require},
                                   {NULL, NULL}};
    lua_newtable(L);
    int globals = lua_gettop(L);
    copy_standard(L, globals);
    add_to_table(L, globals);
    luaL_setfuncs(L, own, 0);
    od_embedded_push(L, "open-do"); // While its modules still see the whole library.
    lua_getfield(L, -1, "print");
    lua_setfield(L, globals, "print");
    lua_pop(L, 1);
    od_embedded_push(L, "engine.coroutine");
    lua_setfield(L, globals, "coroutine");
    od_embedded_push(L, "engine.pairs");
    lua_setfield(L, globals, "pairs");
    od_package_push(L);
    lua_setfield(L, globals, "package");
    lock_strings(L, globals); // The table itself, which the frozen one only shows.
    freeze_libraries(L, globals);

    lua_pushvalue(L, globals);
    od_freeze_with(L, refuse_global);
    lua_pushvalue(L, -1);
    lua_setfield(L, globals, "_G");
    lua_pushvalue(L, -1);
    od_engine_of(L)->globals_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_replace(L, LUA_GLOBALSINDEX);
    lua_pop(L, 1);
}
