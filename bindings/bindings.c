#include "bindings.h"

#include <stdlib.h>

#include <lauxlib.h>

#include "api/abort.h"
#include "api/assets.h"
#include "api/branches.h"
#include "api/command.h"
#include "api/connect.h"
#include "api/event_stream.h"
#include "api/fetch.h"
#include "api/log.h"
#include "api/namespace.h"
#include "api/password.h"
#include "api/pipe.h"
#include "api/section.h"
#include "api/socket.h"
#include "api/sql.h"
#include "api/state.h"
#include "api/storage.h"
#include "api/stream.h"
#include "api/stub.h"
#include "api/test.h"
#include "api/time.h"
#include "api/timer.h"
#include "api/transaction.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "engine/failure.h"
#include "engine/instance.h"
#include "engine/loop_watch.h"
#include "engine/sandbox.h"
#include "inside.h"
#include "link/options.h"
#include "load.h"
#include "object/assets/assets.h"
#include "run.h"
#include "self.h"
#include "value/library.h"

static struct od_engine *engine_of_script(struct od_script *script)
{
    return script->engine;
}

static bool load(struct od_script *script, struct od_objects *objects,
                 const struct od_options *options, od_slice files, struct od_error *err)
{
    struct od_engine *engine = engine_of_script(script);
    engine->objects = objects;
    engine->options = options;
    engine->memory.limit = (size_t)options->script_memory_mb << 20;
    engine->files = files;
    if (options->command == OD_COMMAND_DEV)
        od_loop_watch_start(engine);
    bool ok = od_load_script(engine, err);
    engine->files = (od_slice){NULL, 0};
    return ok;
}

static bool serves(const struct od_script *script, const struct od_namespace *namespace)
{
    const struct od_engine *engine = script->engine;
    return od_class_find(&engine->classes, namespace) != NULL;
}

static bool streams(const struct od_script *script, const struct od_namespace *namespace)
{
    const struct od_engine *engine = script->engine;
    return namespace == NULL ? engine->entry_streams
                             : od_class_find(&engine->classes, namespace)->streams;
}

static bool make(struct od_script *script, struct od_object *object)
{
    const struct od_instance *instance = od_self_make(engine_of_script(script), object);
    return instance->class->handlers[OD_HANDLER_CONSTRUCTOR] != LUA_NOREF;
}

static enum od_run run(struct od_script *script, struct od_task *task)
{
    return od_run_event(engine_of_script(script), task);
}

static enum od_run resume(struct od_script *script, struct od_task *task,
                          const struct od_event *event)
{
    return od_run_resume(engine_of_script(script), task, event);
}

static void forget(struct od_script *script, struct od_task *task)
{
    od_run_forget(engine_of_script(script), task);
}

static void drop(struct od_script *script, struct od_object *object)
{
    od_self_drop(engine_of_script(script), object);
}

static void put_inside(struct od_script *script, struct od_object *object, struct od_bytes *facts)
{
    od_inside_put(engine_of_script(script), object, facts);
}

static od_time_ms idle(struct od_script *script)
{
    struct od_engine *engine = engine_of_script(script);
    od_memory_settle(&engine->memory);
    return od_gc_pace_step(engine);
}

static void collect(struct od_script *script)
{
    lua_gc(engine_of_script(script)->L, LUA_GCCOLLECT, 0);
}

static struct od_script_memory memory_of(struct od_script *script)
{
    const struct od_memory *memory = &engine_of_script(script)->memory;
    return (struct od_script_memory){memory->used, memory->limit};
}

static bool is_full(struct od_script *script)
{
    return od_memory_stays_full(&engine_of_script(script)->memory);
}

static bool wind_up(struct od_script *script)
{
    return od_gc_pace_wind_up(engine_of_script(script));
}

static void close_engine(struct od_script *script)
{
    struct od_engine *engine = engine_of_script(script);
    od_loop_watch_stop(engine);
    od_coroutines_deinit(engine);
    lua_close(engine->L);
    od_memory_deinit(&engine->memory);
    od_classes_deinit(&engine->classes);
    od_handles_deinit(&engine->instances);
    od_sources_deinit(&engine->sources);
    od_wait_deinit(&engine->wait);
    od_bytes_deinit(&engine->scratch);
    od_bytes_deinit(&engine->way);
    od_bytes_deinit(&engine->script.looked_at);
    od_assets_free(engine->script.assets);
    od_bytes_deinit(&engine->script.renamed);
    od_bytes_deinit(&engine->script.deleted);
    free(engine->folder);
    free(engine);
}

static int reference_weak_table(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

static void add_methods_in_lua(lua_State *L)
{
    od_embedded_push(L, "engine.calls");
    lua_getfield(L, -1, "state");
    od_userdata_add_table(L, OD_USERDATA_STATE);
    lua_getfield(L, -1, "storage");
    od_userdata_add_table(L, OD_USERDATA_STORAGE);
    lua_getfield(L, -1, "stub");
    od_userdata_add_table(L, OD_USERDATA_STUB);
    lua_pop(L, 1);
    od_embedded_push(L, "engine.list");
    lua_pushvalue(L, -1);
    od_userdata_add_table(L, OD_USERDATA_STORAGE);
    od_userdata_add_table(L, OD_USERDATA_TRANSACTION);
    od_embedded_push(L, "engine.put");
    od_userdata_add_table(L, OD_USERDATA_STORAGE);
    od_embedded_push(L, "engine.send");
    od_userdata_add_table(L, OD_USERDATA_WEBSOCKET);
}

// Module "open-do" and, for the half of it that needs a runtime, what fills native.runtime.
static void open_modules(lua_State *L)
{
    od_lib_open(L);
    od_wait_push_token(L);
    lua_setfield(L, -2, "token");
    lua_getfield(L, -1, "runtime");
    lua_insert(L, -2);
    od_embedded_open(L);
    od_lib_time_put(L);
    od_lib_timer_put(L);
    od_lib_log_put(L);
    od_lib_sql_put(L);
    od_lib_socket_put(L);
    lua_pop(L, 1);
}

// What the registry has in its array is found in half the time, and it puts there what it has room
// for when it grows: so it is made to grow before the references that each event needs are made.
static void make_room_for_references(lua_State *L)
{
    enum {
        references = 256
    };
    int first = LUA_NOREF;
    for (int i = 0; i < references; i++) {
        lua_pushboolean(L, true);
        int made = luaL_ref(L, LUA_REGISTRYINDEX);
        first = i == 0 ? made : first;
    }
    for (int i = references - 1; i >= 0; i--)
        luaL_unref(L, LUA_REGISTRYINDEX, first + i);
}

// Order: userdata need the members of lua/engine, the library needs its own parts in
// native.runtime, and scripts get what is then there.
static int set_up(lua_State *L)
{
    struct od_engine *engine = od_engine_of(L);
    const int top = lua_gettop(L);
    make_room_for_references(L);
    od_sandbox_open_standard(L);
    open_modules(L);
    od_coroutines_open(L);
    engine->sockets_ref = reference_weak_table(L);
    lua_pushliteral(L, "state");
    engine->state_name_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushliteral(L, "env");
    engine->env_name_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    engine->selves_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    engine->aborts_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushboolean(L, false);
    engine->way_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushboolean(L, false);
    engine->branches_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    od_lib_state_open(L);
    od_lib_section_open(L);
    od_lib_storage_open(L);
    od_lib_transaction_open(L);
    od_lib_sql_open(L);
    od_lib_socket_open(L);
    od_lib_event_stream_open(L);
    od_lib_connect_open(L);
    od_lib_namespace_open(L);
    od_lib_branches_open(L);
    od_lib_stream_open(L);
    od_lib_test_put(L);
    od_lib_fetch_open(L);
    od_lib_pipe_open(L);
    od_lib_password_open(L);
    od_lib_abort_open(L);
    od_lib_assets_open(L);
    od_lib_stub_open(L);
    od_failure_open(L);
    add_methods_in_lua(L);
    od_lib_command_open(L);
    od_lib_test_open(L);
    od_sandbox_open(L);
    OD_ASSERT(lua_gettop(L) == top);
    return 0;
}

struct od_script *od_bindings_new(void)
{
    struct od_engine *engine = od_allocate_zeroed(sizeof *engine);
    engine->script = (struct od_script){.engine = engine,
                                        .load = load,
                                        .serves = serves,
                                        .streams = streams,
                                        .make = make,
                                        .run = run,
                                        .resume = resume,
                                        .forget = forget,
                                        .drop = drop,
                                        .put_inside = put_inside,
                                        .idle = idle,
                                        .memory = memory_of,
                                        .collect = collect,
                                        .is_full = is_full,
                                        .wind_up = wind_up,
                                        .close = close_engine};
    od_list_init(&engine->script.link);
    engine->entry_of = od_run_entry_of;
    engine->entry_ref = engine->entry_timers_ref = LUA_NOREF;
    od_memory_init(&engine->memory);
    engine->L = lua_newstate(od_memory_allocate, &engine->memory);
    OD_ASSERT(engine->L != NULL);
    engine->memory.L = engine->L;
    if (lua_cpcall(engine->L, set_up, NULL) != 0)
        od_panic(__FILE__, __LINE__, "the Lua library does not load: %s",
                 lua_tostring(engine->L, -1));
    return &engine->script;
}
