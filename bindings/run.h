// Runs handlers: the only place where the engine enters a script while it serves.
//
// A handler runs in a coroutine of its own. It ends, fails or waits. What it returned becomes the
// answer; an error is reported once, here, and then told to the caller; functions given to
// waitUntil follow in the same coroutine. Whatever happens, the core gets DONE or WAITING.

#ifndef OD_BINDINGS_RUN_H
#define OD_BINDINGS_RUN_H

#include <lua.h>

#include "object/script.h"

struct od_engine;

// As in object/script.h.
enum od_run od_run_constructor(struct od_engine *engine, struct od_task *task);
enum od_run od_run_event(struct od_engine *engine, struct od_task *task);
enum od_run od_run_resume(struct od_engine *engine, struct od_task *task,
                          const struct od_event *event);
void od_run_forget(struct od_engine *engine, struct od_task *task);

// The handler of xpcall in the engine's own Lua, with the error value on top: keeps the way to it,
// as it will be raised again (od_blame_note).
void od_run_note_error(lua_State *L);

// Resumes [L] with [arguments] values on its stack, with the cap on memory. As lua_resume returns.
int od_run_resume_capped(struct od_engine *engine, lua_State *L, int arguments);

#endif
