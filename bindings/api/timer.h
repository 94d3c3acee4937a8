// od.setTimeout and its family: the functions of an instance's timers, and their arguments.
//
// The core knows when a timer is due (object/timeout.h); what is then called is kept here, in a
// table of the instance, under the timer's number. The entry has no instance: its table is the
// engine's, and its timers last as long as this version of the script is served by this worker.

#ifndef OD_API_TIMER_H
#define OD_API_TIMER_H

#include <stdbool.h>

#include <lua.h>

struct od_instance;
struct od_task;

void od_lib_timer_put(lua_State *L); // Into the table on top.

// Of the task for a timer that is due: pushes the function, or nothing and returns false when it
// has been cleared; pushes its arguments and returns how many; and when it is over.
bool od_timer_push_function(lua_State *L, const struct od_task *task);
int od_timer_push_arguments(lua_State *L, const struct od_task *task);
void od_timer_ended(lua_State *L, const struct od_task *task);

void od_timers_drop(lua_State *L, struct od_instance *instance);

#endif
