// The engine: one Lua state, in which all objects of a worker run their code.
//
// The core asks it through struct od_script to construct instances and to run events; it asks the
// core through object.h, socket.h, task.h and storage.h. An object is a table there, its events are
// coroutines, and C code of a lib_ file finds the engine, and the task that runs, by its lua_State.
//
// How an event runs, from the outside in: run.h takes a coroutine (coroutine.h), pushes the handler
// of the class (class.h) and its arguments, and resumes it. It ends, fails (error_report.h) or
// waits (wait.h); nothing else can come out of Lua.
//
// Owner: made by od_bindings_new, freed by the script's `close`.

#ifndef OD_ENGINE_ENGINE_H
#define OD_ENGINE_ENGINE_H

#include <lua.h>

#include "base/bytes.h"
#include "engine/class.h"
#include "engine/coroutine.h"
#include "engine/gc_pace.h"
#include "engine/handle.h"
#include "engine/memory.h"
#include "engine/sources.h"
#include "engine/userdata.h"
#include "engine/wait.h"
#include "object/objects.h"
#include "object/script.h"
#include "object/task.h"

struct od_error_entry;

#define OD_STATE_PARTS_KEPT 1024 // Instances whose `id` and `storage` are kept.

struct od_engine {
    struct od_script script; // First: the core's pointer to it is also one to the engine.
    struct od_memory memory;
    lua_State *L;
    struct od_objects *objects;
    const struct od_options *options;
    struct od_task *task; // The one whose code runs now, or NULL.
    uint64_t resumes;     // So often Lua was entered.
    struct od_wait wait;  // What that code asked for when it yielded.
    // How the script was entered for a task (run.c), for those who note its errors.
    struct od_error_entry (*entry_of)(struct od_engine *engine, const struct od_task *task);
    struct od_coroutines coroutines;
    const char *stack_base; // Of the process's stack, about.
    size_t stack_bytes;
    struct od_classes classes;
    struct od_handles instances;
    struct od_gc_pace gc_pace;
    struct od_sources sources;
    struct od_bytes scratch; // See od_engine_scratch.
    struct od_bytes way;     // See od_error_report_note,
    int way_ref;             // and of which error value.
    int aborts_ref;          // Number of a task -> array of what it gave to request:onAbort.
    int branches_ref;        // Array of the functions that OD_WAIT_BRANCHES is about.
    char *folder;            // Of the script: where `require` looks.
    od_slice files;          // While it is loaded: files that are not to be read from the disk.
    struct od_userdata_kind kinds[OD_USERDATA_COUNT];
    int selves_ref;       // Where `self` of each instance stands (instance.h);
    uint64_t selves_fits; // so often tables of it were given back.
    int parts_ref; // `id` and `storage` of instances whose handlers asked for them (api/state.c),
    od_handle parts_owners[OD_STATE_PARTS_KEPT]; // and whose they are.
    int sockets_ref;                             // Weak table: number of a socket -> its userdata.
    int globals_ref;                             // What scripts see as _G.
    int env_ref;
    int state_name_ref, env_name_ref; // The strings: each instance has fields of these names.
    int context_ref;                  // The entry's third argument.
    bool entry_streams;               // Its fetch wants to read bodies while they come.
    int entry_ref;                    // The entry itself, or LUA_NOREF.
    int entry_timers_ref;             // What its timers call (api/timer.h), or LUA_NOREF.
};

struct od_engine *od_engine_of(lua_State *L); // Costs nothing.

// What holds whenever no code of a script runs.
void od_engine_check(const struct od_engine *engine);

// The object whose code runs now. Raises, in the name of [call], while the script is loaded.
struct od_object *od_engine_object(lua_State *L, const char *call);

// An empty buffer for what is encoded and handed on within one C function. It is the engine's, so
// that a Lua error in between leaks nothing; the next who asks gets the same one.
struct od_bytes *od_engine_scratch(struct od_engine *engine);

#endif
