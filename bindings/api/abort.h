// request:onAbort: functions that run when the client of a request has gone.
//
// They are kept by the task that handles the request, as long as it runs, and run as an event of
// its object (OD_EVENT_LEFT), once.

#ifndef OD_API_ABORT_H
#define OD_API_ABORT_H

#include <stdbool.h>

#include <lua.h>

struct od_engine;
struct od_task;

void od_lib_abort_open(lua_State *L); // Once a state.

// For a LEFT: pushes what runs them; false: the task has ended. And the functions, which are then
// no longer kept.
bool od_abort_push_handler(struct od_engine *engine, lua_State *L, const struct od_task *task);
int od_abort_push_functions(struct od_engine *engine, lua_State *L, const struct od_task *task);

void od_abort_forget(struct od_engine *engine, const struct od_task *task); // It has ended.

#endif
