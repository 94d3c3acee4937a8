// Runs handlers: the only place where the engine enters a script while it serves.
//
// A handler runs in a coroutine of its own. It ends, fails or waits. What it returned becomes the
// answer; an error is reported once, here, and then told to the caller; functions given to
// waitUntil follow in the same coroutine. Whatever happens, the core gets DONE or WAITING.

#ifndef OD_BINDINGS_RUN_H
#define OD_BINDINGS_RUN_H

#include <lua.h>

#include "engine/error_report.h"
#include "object/script.h"

struct od_engine;

// As in object/script.h.
enum od_run od_run_event(struct od_engine *engine, struct od_task *task);
enum od_run od_run_resume(struct od_engine *engine, struct od_task *task,
                          const struct od_event *event);
void od_run_forget(struct od_engine *engine, struct od_task *task);

// How the script was entered for [task]: the engine's `entry_of`.
struct od_error_entry od_run_entry_of(struct od_engine *engine, const struct od_task *task);

// Resumes [L] with [arguments] values on its stack, with the cap on memory. As lua_resume returns.
int od_run_resume_capped(struct od_engine *engine, lua_State *L, int arguments);

#endif
