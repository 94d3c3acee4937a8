// What the core asks of the engine that runs a script, and nothing more: the core knows no Lua.
//
// The engine (bindings/) fills in this struct; a worker owns one. All functions are called on the
// worker's only thread, from od_objects_deliver or between two turns, so no call is ever made while
// another one runs.
//
// A *task* (task.h) is one run of a handler or constructor. The engine starts it, and it either
// ends or waits: then the engine has asked the core for something (od_task_wait_sleep,
// od_task_wait_call, ...) and is called again through [resume] when it is there. What the handler
// wants to have done (answers, sends, writes) the engine tells the core while the task runs,
// through object.h, socket.h, task.h.
//
// There is one od_script for each *version* of the user's code, so that old and new code can run
// side by side for a while: a reload loads the next one aside and makes it the current one
// (od_objects_switch). Every task and every instance stays with the script that made it; a script
// that is not current any more is closed once it has neither.

#ifndef OD_OBJECT_SCRIPT_H
#define OD_OBJECT_SCRIPT_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "object/parts/event.h"

struct od_assets;
struct od_namespace;
struct od_objects;
struct od_object;
struct od_options;
struct od_task;

enum od_run {
    OD_RUN_DONE, // The handler has returned or failed; a failure is logged and told to its caller.
    OD_RUN_WAITING, // It waits for what it asked for.
};

struct od_script;

// The name as stored of what [script] calls [called], and the other way round.
od_slice od_script_stored_name(const struct od_script *script, od_slice called);
od_slice od_script_called_name(const struct od_script *script, od_slice stored);

struct od_script_memory {
    size_t used_bytes;
    size_t bytes_max;
};

struct od_script {
    void *engine;

    // The core's: who still needs it, and which version it is.
    struct od_list link;
    uint32_t version;
    uint32_t uses;          // Tasks and instances.
    od_time_ms outdated_ms; // When it was followed by the next version.

    // The engine's, after [load].
    bool has_entry;            // There is an entry fetch.
    struct od_assets *assets;  // NULL: none.
    struct od_bytes renamed;   // (str name as stored, str as the script calls it)*
    struct od_bytes deleted;   // (str name as stored)*: what is stored of them goes.
    struct od_bytes looked_at; // Files it had to look for on the disk (link/files.h); who takes
                               // note of them clears it.

    // Loads the script named by [options] and makes its namespaces known
    // (od_objects_add_namespace). Files that are in [files] (link/files.h) are taken from there,
    // others from the disk. On false the text holds file, line, source line and traceback; the
    // script can then only be closed.
    bool (*load)(struct od_script *script, struct od_objects *objects,
                 const struct od_options *options, od_slice files, struct od_error *err);

    // Whether it has a class for the objects of [namespace].
    bool (*serves)(const struct od_script *script, const struct od_namespace *namespace);

    // Whether its fetch is called when the head of a request is there (streamBody). NULL: that of
    // the script.
    bool (*streams)(const struct od_script *script, const struct od_namespace *namespace);

    // Makes the instance of [object], which is there until [drop]. Whether its class has a
    // constructor: that is to run before anything else of the instance.
    bool (*make)(struct od_script *script, struct od_object *object);

    // Runs the handler for [task->event]; without an event the constructor. One that fails is told
    // with od_task_fail before DONE; the core then drops the instance.
    enum od_run (*run)(struct od_script *script, struct od_task *task);

    // Goes on with a task that waited. [event] is the RESUME event, borrowed.
    enum od_run (*resume)(struct od_script *script, struct od_task *task,
                          const struct od_event *event);

    // Forgets a task: called once for each that was started, ended or still waiting.
    void (*forget)(struct od_script *script, struct od_task *task);

    // Drops the instance of an object; all its tasks are forgotten already.
    void (*drop)(struct od_script *script, struct od_object *object);

    // What an operator may see inside the object: facts of its class, and of its instance if it has
    // one. No code of the script runs.
    void (*put_inside)(struct od_script *script, struct od_object *object, struct od_bytes *facts);

    // A turn is over and there is nothing else to do: a chance to collect garbage. Returns in how
    // many milliseconds it wants to be called again, unless events come before: 0 for at once, -1
    // for never.
    od_time_ms (*idle)(struct od_script *script);

    struct od_script_memory (*memory)(struct od_script *script); // Costs nothing.

    // Gives back all that can be had, which takes as long as it takes.
    void (*collect)(struct od_script *script);

    // Asked once a turn: whether what is in use leaves no room even after a collection.
    bool (*is_full)(struct od_script *script);

    // No instance and no task is left: gives back what these have left behind, for a bounded time.
    // True when there is nothing more, and to close it is soon done.
    bool (*wind_up)(struct od_script *script);

    void (*close)(struct od_script *script); // No instance and no task is left.
};

// Makes a script with nothing in it yet: bindings/bindings.h has one.
typedef struct od_script *od_script_new(void);

#endif
