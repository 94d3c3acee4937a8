#include "load.h"

#include <string.h>

#include <lauxlib.h>

#include "api/assets.h"
#include "api/namespace.h"
#include "api/state.h"
#include "api/test.h"
#include "base/cron.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "engine/error_report.h"
#include "engine/freeze.h"
#include "engine/require.h"
#include "link/options.h"
#include "object/assets/assets.h"
#include "object/crons.h"
#include "object/names/route.h"
#include "run.h"
#include "value/raise.h"

// --- What the script returned -------------------------------------------------------------------

static const char example[] = "return { namespaces = { rooms = Room } }";

static bool is_known(const char *key)
{
    static const char *const known[] = {"namespaces", "fetch",   "crons",  "streamBody",
                                        "assets",     "renamed", "deleted"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(key, known[i]) == 0)
            return true;
    }
    return false;
}

static void check_returned_table(lua_State *L, int script)
{
    if (!lua_istable(L, script))
        od_raise(L, "the script returns %s; it must end with a table, like this: %s",
                 od_describe(L, script), example);
    for (lua_pushnil(L); lua_next(L, script) != 0; lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        const char *key = lua_tostring(L, -1);
        if (key == NULL || !is_known(key))
            od_raise(L,
                     "the script returns a table with a field '%s', which nothing reads; there are "
                     "`namespaces`, `fetch`, `crons`, `streamBody`, `assets`, `renamed` and "
                     "`deleted`",
                     key == NULL ? od_describe(L, -1) : key);
        lua_pop(L, 1);
    }
}

static struct od_namespace *add_namespace(lua_State *L)
{
    od_slice name;
    name.at = lua_tolstring(L, -2, &name.size);
    if (lua_type(L, -2) != LUA_TSTRING || !od_namespace_name_is_valid(name))
        od_raise(L,
                 "'%s' cannot be the name of a namespace: it must begin with a letter, go on with "
                 "letters, digits, _ or -, and have at most %d bytes",
                 name.at == NULL ? od_describe(L, -2) : name.at, OD_NAMESPACE_BYTES_MAX);
    if (!lua_istable(L, -1))
        od_raise(L, "namespaces.%s is %s; it must be a class, which is a table of functions",
                 name.at, od_describe(L, -1));
    struct od_engine *engine = od_engine_of(L);
    return od_objects_add_namespace(engine->objects, od_script_stored_name(&engine->script, name));
}

// --- Namespaces that it has no more --------------------------------------------------------------

// The table under [field] of the script's, or nil, on top.
static bool push_field(lua_State *L, const char *field)
{
    lua_pushstring(L, field);
    lua_rawget(L, 1);
    if (!lua_isnil(L, -1) && !lua_istable(L, -1))
        od_raise(L, "`%s` is %s; it must be a table", field, od_describe(L, -1));
    return lua_istable(L, -1);
}

// The string at [index], which is the name of a namespace. [is_served]: whether it has to be among
// `namespaces`, or must not be.
static od_slice check_name(lua_State *L, int index, const char *field, bool is_served)
{
    od_slice name = {NULL, 0};
    if (lua_type(L, index) == LUA_TSTRING)
        name.at = lua_tolstring(L, index, &name.size);
    if (name.at == NULL || !od_namespace_name_is_valid(name))
        od_raise(L, "`%s` has %s, which cannot be the name of a namespace", field,
                 name.at == NULL ? od_describe(L, index) : name.at);
    lua_getfield(L, 1, "namespaces");
    lua_pushlstring(L, name.at, name.size);
    lua_rawget(L, -2);
    bool is_there = !lua_isnil(L, -1);
    lua_pop(L, 2);
    if (is_there != is_served)
        od_raise(L, "`%s` names '%s', which is %s `namespaces`", field, name.at,
                 is_there ? "still in" : "not in");
    return name;
}

// renamed = { rooms = "Rooms" }
static void take_renamed(lua_State *L)
{
    struct od_script *script = &od_engine_of(L)->script;
    if (push_field(L, "renamed")) {
        for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
            od_slice stored = check_name(L, -2, "renamed", false);
            od_slice called = check_name(L, -1, "renamed", true);
            if (!od_slice_equal(od_script_stored_name(script, called), called))
                od_raise(L, "`renamed` has two that become '%s'; it can be only one", called.at);
            od_bytes_put_string(&script->renamed, stored);
            od_bytes_put_string(&script->renamed, called);
        }
    }
    lua_pop(L, 1);
}

// deleted = { "old" }
static void take_deleted(lua_State *L)
{
    struct od_script *script = &od_engine_of(L)->script;
    if (push_field(L, "deleted")) {
        for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
            od_slice name = check_name(L, -1, "deleted", false);
            if (!od_slice_equal(od_script_called_name(script, name), name))
                od_raise(L, "'%s' is in `renamed` and in `deleted`", name.at);
            od_bytes_put_string(&script->deleted, name);
        }
    }
    lua_pop(L, 1);
}

// --- Those it has --------------------------------------------------------------------------------

// For each pair of the table on top; [env] is the table of bindings.
static void add_namespaces(lua_State *L, int env)
{
    int count = 0;
    for (lua_pushnil(L); lua_next(L, -2) != 0; count++) {
        lua_pushvalue(L, -2); // lua_tolstring may change a number; lua_next needs its own.
        lua_insert(L, -2);
        struct od_namespace *namespace = add_namespace(L);
        od_class_add(L, namespace);
        lua_pop(L, 1);
        od_namespace_push(L, namespace);
        lua_rawset(L, env);
    }
    if (count == 0)
        od_raise(L, "`namespaces` is empty; name at least one class, like this: %s", example);
}

static void add_variables(lua_State *L, int env)
{
    const struct od_variables *variables = &od_engine_of(L)->options->variables;
    for (size_t i = 0; i < variables->size; i++) {
        const struct od_variable *variable = &variables->at[i];
        lua_getfield(L, env, variable->name);
        if (!lua_isnil(L, -1))
            od_raise(L,
                     "the variable '%s' (--var or --env-file) has the name of a namespace; rename "
                     "one of them, as `env` can hold only one",
                     variable->name);
        lua_pop(L, 1);
        lua_pushstring(L, variable->value);
        lua_setfield(L, env, variable->name);
    }
}

static void add_entry(lua_State *L, int script)
{
    struct od_engine *engine = od_engine_of(L);
    lua_pushliteral(L, "fetch");
    lua_rawget(L, script);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    if (!lua_isfunction(L, -1))
        od_raise(L, "`fetch` is %s; it must be a function (request, env, ctx)", od_describe(L, -1));
    engine->entry_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushliteral(L, "streamBody");
    lua_rawget(L, script);
    if (!lua_isnil(L, -1) && !lua_isboolean(L, -1))
        od_raise(L, "`streamBody` is %s; it must be true or false", od_describe(L, -1));
    engine->entry_streams = lua_toboolean(L, -1);
    lua_pop(L, 1);
    engine->script.has_entry = true;
}

static enum od_assets_not_found check_not_found(lua_State *L, int options)
{
    if (!od_option(L, options, "assets", "notFound", LUA_TSTRING))
        return OD_ASSETS_NO_ANSWER;
    const char *text = lua_tostring(L, -1);
    if (strcmp(text, "single-page-application") == 0)
        return OD_ASSETS_SINGLE_PAGE;
    if (strcmp(text, "404-page") != 0)
        od_raise(L,
                 "assets.notFound must be \"single-page-application\" or \"404-page\", got "
                 "\"%s\"",
                 text);
    return OD_ASSETS_404_PAGE;
}

static void add_script_first(lua_State *L, int options)
{
    if (!od_option(L, options, "assets", "scriptFirst", LUA_TTABLE))
        return;
    size_t count = lua_objlen(L, -1);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, (int)i);
        od_slice pattern = {lua_tostring(L, -1), lua_objlen(L, -1)};
        if (lua_type(L, -1) != LUA_TSTRING || pattern.size == 0 || pattern.at[0] != '/')
            od_raise(L, "assets.scriptFirst is a list of paths such as \"/api/*\"; item %zu is %s",
                     i, od_describe(L, -1));
        od_assets_add_script_first(od_engine_of(L)->script.assets, pattern);
        lua_pop(L, 1);
    }
}

static void open_assets(lua_State *L, const char *directory, enum od_assets_not_found not_found)
{
    struct od_engine *engine = od_engine_of(L);
    struct od_error err;
    if (!od_assets_new(&engine->script.assets, engine->folder, directory, not_found, &err))
        od_raise(L, "assets: %s", err.text);
}

// `assets` = "public", or { directory = "public", ... }
static void take_assets(lua_State *L, int script)
{
    static const char *const names[] = {"directory", "notFound", "scriptFirst", NULL};
    lua_pushliteral(L, "assets");
    lua_rawget(L, script);
    int assets = lua_gettop(L);
    if (lua_isnil(L, assets))
        return;
    if (lua_type(L, assets) == LUA_TSTRING) {
        open_assets(L, lua_tostring(L, assets), OD_ASSETS_NO_ANSWER);
        return;
    }
    if (!lua_istable(L, assets))
        od_raise(L,
                 "`assets` is %s; it must be the name of a folder beside the script, or a table "
                 "of options",
                 od_describe(L, assets));
    od_check_option_names(L, assets, "assets", names);
    if (!od_option(L, assets, "assets", "directory", LUA_TSTRING))
        od_raise(L, "assets.directory is missing: the folder beside the script that the files are "
                    "in");
    const char *directory = lua_tostring(L, -1);
    open_assets(L, directory, check_not_found(L, assets));
    add_script_first(L, assets);
}

static void add_assets(lua_State *L, int script, int env)
{
    int top = lua_gettop(L);
    take_assets(L, script);
    lua_settop(L, top);
    if (od_engine_of(L)->script.assets == NULL)
        return;
    lua_getfield(L, env, "assets");
    if (!lua_isnil(L, -1))
        od_raise(L, "a namespace or variable has the name 'assets', which is that of the script's "
                    "files in `env`; rename it");
    lua_pop(L, 1);
    od_assets_push(L);
    lua_setfield(L, env, "assets");
}

// A pair of `crons` is on top.
static void check_cron(lua_State *L)
{
    struct od_cron cron;
    struct od_error err;
    if (lua_type(L, -2) != LUA_TSTRING)
        od_raise(L, "`crons` has a key that is %s; it must be a cron string, like \"*/5 * * * *\"",
                 od_describe(L, -2));
    od_slice text;
    text.at = lua_tolstring(L, -2, &text.size);
    if (!od_cron_parse(text, &cron, &err))
        od_raise(L, "crons: %s", err.text);
    if (!lua_isfunction(L, -1))
        od_raise(L, "crons[\"%s\"] is %s; it must be a function (info, env, ctx)", text.at,
                 od_describe(L, -1));
}

// They are the schedules of an object of their own (lua/engine/crons.lua).
static void add_crons(lua_State *L, int script)
{
    struct od_engine *engine = od_engine_of(L);
    lua_pushliteral(L, "crons");
    lua_rawget(L, script);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    if (!lua_istable(L, -1))
        od_raise(L, "`crons` is %s; it must be a table, like { [\"*/5 * * * *\"] = function }",
                 od_describe(L, -1));
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
        check_cron(L);
    od_embedded_push(L, "engine.crons");
    lua_insert(L, -2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->context_ref);
    lua_call(L, 2, 1);
    od_class_add(L, od_objects_add_namespace(engine->objects, OD_SLICE(OD_CRONS_NAMESPACE)));
    lua_pop(L, 1);
}

// A lua_CFunction: takes what the script returned.
static int take_script(lua_State *L)
{
    struct od_engine *engine = od_engine_of(L);
    lua_settop(L, 1);
    check_returned_table(L, 1);
    lua_newtable(L);
    lua_pushliteral(L, "namespaces");
    lua_rawget(L, 1);
    if (!lua_istable(L, -1))
        od_raise(L, "`namespaces` is %s; it must be a table of names and classes, like this: %s",
                 od_describe(L, -1), example);
    take_renamed(L);
    take_deleted(L);
    add_namespaces(L, 2);
    lua_pop(L, 1);
    add_variables(L, 2);
    add_assets(L, 1, 2);
    od_freeze(L, "env");
    engine->env_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    od_context_push(L);
    engine->context_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    add_entry(L, 1);
    add_crons(L, 1);
    od_test_add_objects(L);
    return 0;
}

// --- Running it --------------------------------------------------------------------------------

// Turns the report into the error. With [L] it is about the error on top of that; without, about
// [err], which has a place but no frames (the compiler's).
static bool fail(struct od_engine *engine, lua_State *L, struct od_error *err)
{
    static const struct od_error_entry entry = {.name = "the script", .has_function = false};
    struct od_error_report report = {0};
    if (L != NULL)
        od_error_report_value(&report, engine, L, &entry);
    else
        od_error_report_text(&report, engine, NULL, &entry, err->text);
    od_slice whole = od_error_report_whole(&report);
    od_error_set(err, "%.*s", (int)whole.size, whole.at);
    od_error_report_deinit(&report);
    return false;
}

static bool run_script(struct od_engine *engine, lua_State *L, const char *file,
                       struct od_error *err)
{
    od_engine_check(engine);
    if (od_compile_file(engine, L, file, err) != OD_COMPILE_OK)
        return fail(engine, NULL, err);
    int status = od_run_resume_capped(engine, L, 0);
    if (status == LUA_YIELD)
        return od_error_set(err, "%s: the script yields while it is loaded", file);
    if (status != 0)
        return fail(engine, L, err);
    lua_settop(L, OD_COROUTINE_PLACES + 1);
    lua_pushcfunction(L, take_script);
    lua_insert(L, -2);
    if (lua_pcall(L, 1, 0, 0) == 0)
        return true;
    fail(engine, L, err);
    return od_error_prefix(err, "%s", file);
}

// Splits "dir/chat.lua" into the folder that `require` looks in and the name errors show.
static const char *take_folder(struct od_engine *engine, const char *path)
{
    const char *slash = strrchr(path, '/');
    OD_ASSERT(engine->folder == NULL);
    const char *file = slash == NULL ? path : slash + 1;
    od_slice folder = slash == NULL ? OD_SLICE(".") : (od_slice){path, (size_t)(file - path)};
    engine->folder = od_allocate(folder.size + 1);
    memcpy(engine->folder, folder.at, folder.size);
    engine->folder[folder.size] = '\0';
    return file;
}

bool od_load_script(struct od_engine *engine, struct od_error *err)
{
    const char *file = take_folder(engine, engine->options->script);
    struct od_coroutine *coroutine = od_coroutine_take(engine);
    bool ok = run_script(engine, coroutine->L, file, err);
    od_coroutine_drop(engine, coroutine);
    return ok;
}
