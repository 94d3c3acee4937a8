// What the core asks of the engine that runs a script, and nothing more: the core knows no Lua.
//
// The engine (bindings/) fills in this struct; a worker owns one. All functions are called on the
// worker's only thread, from od_objects_deliver and nowhere else, so no call is ever made while
// another one runs.
//
// A *task* (task.h) is one run of a handler or constructor. The engine starts it, and it either
// ends or waits: then the engine has asked the core for something (od_task_sleep, od_task_call,
// ...) and is called again through [resume] when it is there. What the handler wants to have done
// (answers, sends, writes) the engine tells the core while the task runs, through object.h,
// socket.h, task.h.

#ifndef OD_OBJECT_SCRIPT_H
#define OD_OBJECT_SCRIPT_H

#include "base/error.h"
#include "object/event.h"

struct od_objects;
struct od_object;
struct od_options;
struct od_task;

enum od_run {
    OD_RUN_DONE, // The handler has returned or failed; a failure is logged and told to its caller.
    OD_RUN_WAITING, // It waits for what it asked for.
};

struct od_script {
    void *engine;

    // Loads the script named by [options], tells the core its namespaces (od_objects_add_namespace,
    // od_objects_set_entry). On false the text holds file, line, source line and traceback.
    bool (*load)(struct od_script *script, struct od_objects *objects,
                 const struct od_options *options, struct od_error *err);

    // Makes the instance of [task->object] and runs its constructor. A constructor that fails
    // is told with od_task_fail before DONE; then there is no instance.
    enum od_run (*construct)(struct od_script *script, struct od_task *task);

    // Runs the handler for [task->event].
    enum od_run (*run)(struct od_script *script, struct od_task *task);

    // Goes on with a task that waited. [event] is the RESUME event, borrowed.
    enum od_run (*resume)(struct od_script *script, struct od_task *task,
                          const struct od_event *event);

    // Forgets a task: called once for each that was started, ended or still waiting.
    void (*forget)(struct od_script *script, struct od_task *task);

    // Drops the instance of an object; all its tasks are forgotten already.
    void (*drop)(struct od_script *script, struct od_object *object);

    // A turn is over: a chance to collect garbage when there is nothing else to do.
    void (*idle)(struct od_script *script);

    void (*close)(struct od_script *script); // No instance and no task is left.

    // Asked once a turn: whether what is in use leaves no room even after a collection.
    bool (*is_full)(struct od_script *script);
};

#endif
