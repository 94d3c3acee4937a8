#include "engine/embedded.h"

#include <string.h>

#include <lauxlib.h>

#include "base/check.h"
#include "engine/modules.h"

#ifndef OD_VERSION
#define OD_VERSION "0.0.0"
#endif

// Addresses that are keys in the registry.
static const char native_key;
static const char loaded_key;      // Name -> what the module returned.
static const char environment_key; // The globals of the modules.

static void push_kept(lua_State *L, const char *key)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

static void keep(lua_State *L, const char *key) // Pops.
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_insert(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

// Ends at the row without a name when there is none.
static const struct od_module *find(const char *name)
{
    const struct od_module *module = od_modules;
    while (module->name != NULL && strcmp(module->name, name) != 0)
        module++;
    return module;
}

od_slice od_embedded_source(const char *name)
{
    const struct od_module *module = find(name);
    OD_ASSERT(module->name != NULL);
    return (od_slice){module->source, module->size};
}

// The name begins with "=": errors then speak of "open-do.headers:12", and reports to authors of
// scripts leave such frames out.
static void load(lua_State *L, const struct od_module *module)
{
    OD_ASSERT(module->source != NULL);
    lua_pushfstring(L, "=%s", module->name);
    if (luaL_loadbufferx(L, module->source, module->size, lua_tostring(L, -1), "t") != 0)
        lua_error(L);
    lua_remove(L, -2);
    push_kept(L, &environment_key);
    lua_setfenv(L, -2);
    lua_pushstring(L, module->name);
    push_kept(L, &native_key);
    lua_call(L, 2, 1);
}

void od_embedded_push(lua_State *L, const char *name)
{
    push_kept(L, &loaded_key);
    lua_getfield(L, -1, name);
    if (lua_isnil(L, -1)) {
        const struct od_module *module = find(name);
        if (module->name == NULL)
            luaL_error(L, "there is no module '%s' in the program", name);
        lua_pop(L, 1);
        load(L, module);
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, name);
    }
    lua_remove(L, -2);
}

static int require(lua_State *L)
{
    od_embedded_push(L, luaL_checkstring(L, 1));
    return 1;
}

static void make_environment(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, require);
    lua_setfield(L, -2, "require");
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, LUA_GLOBALSINDEX);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    keep(L, &environment_key);
}

static void add_version(lua_State *L)
{
    lua_getfield(L, -1, "runtime");
    lua_pushliteral(L, OD_VERSION);
    lua_setfield(L, -2, "version");
    lua_pop(L, 1);
}

static int load_preloaded(lua_State *L)
{
    od_embedded_push(L, lua_tostring(L, lua_upvalueindex(1)));
    return 1;
}

// "cjson" and "cjson.safe", as scripts have them.
static int load_cjson(lua_State *L)
{
    od_embedded_push(L, "open-do.cjson");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_gettable(L, -2);
    return 1;
}

static void preload_cjson(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_pushcclosure(L, load_cjson, 1);
    lua_setfield(L, -2, name);
}

static void preload_modules(lua_State *L)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    for (const struct od_module *module = od_modules; module->name != NULL; module++) {
        if (strncmp(module->name, "open-do", strlen("open-do")) != 0)
            continue;
        lua_pushstring(L, module->name);
        lua_pushcclosure(L, load_preloaded, 1);
        lua_setfield(L, -2, module->name);
    }
    preload_cjson(L, "cjson");
    preload_cjson(L, "cjson.safe");
    lua_pop(L, 2);
}

void od_embedded_open_library(lua_State *L)
{
    lua_pushvalue(L, LUA_GLOBALSINDEX);
    keep(L, &environment_key);
    lua_newtable(L);
    keep(L, &loaded_key);
    add_version(L);
    keep(L, &native_key);
    preload_modules(L);
}

void od_embedded_put_native_table(lua_State *L, const char *name)
{
    OD_ASSERT(!lua_isnil(L, -1));
    push_kept(L, &native_key);
    lua_insert(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

void od_embedded_put_native(lua_State *L, const char *name, const luaL_Reg *functions)
{
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    od_embedded_put_native_table(L, name);
}

void od_embedded_put_native_try(lua_State *L, const char *name, lua_CFunction function, void *try,
                                void *engine)
{
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, function);
    lua_setfield(L, -2, "call");
    lua_pushlightuserdata(L, try);
    lua_setfield(L, -2, "try");
    lua_pushlightuserdata(L, engine);
    lua_setfield(L, -2, "engine");
    od_embedded_put_native_table(L, name);
}

void od_embedded_put_runtime(lua_State *L, const char *name)
{
    push_kept(L, &native_key);
    lua_getfield(L, -1, "runtime");
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, name);
    lua_pop(L, 3);
}

void od_embedded_open(lua_State *L)
{
    make_environment(L);
    lua_newtable(L);
    keep(L, &loaded_key);
    add_version(L);
    keep(L, &native_key);
}
