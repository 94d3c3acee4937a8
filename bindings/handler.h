// What is called for an event: a function, mostly of the class, and what it gets.
//
// All functions here push onto the stack of the coroutine in which the handler is to run, outside
// of any protected call: what they push is small, or has been checked when it came in.

#ifndef OD_BINDINGS_HANDLER_H
#define OD_BINDINGS_HANDLER_H

#include <lua.h>

#include "base/check.h"
#include "base/slice.h"
#include "engine/class.h"

struct od_engine;
struct od_task;

// Pushes the function for the event of [task], whose [handler] od_handler_of has named; or nothing
// and returns false when there is none. A branch has been given its own.
OD_MUST_CHECK bool od_handler_push(struct od_engine *engine, lua_State *L,
                                   const struct od_task *task, enum od_handler handler);

// There was none: the log may say which function was meant (od_class_miss).
void od_handler_miss(lua_State *L, const struct od_task *task, enum od_handler handler);

// Pushes its arguments, onto the stack of a coroutine with nothing else on it; returns how many.
// -1: another worker has sent what cannot be read.
int od_handler_push_arguments(struct od_engine *engine, lua_State *L, const struct od_task *task,
                              enum od_handler handler);

od_slice od_handler_method(const struct od_task *task); // The name, when its event is a call.

#endif
