// What `open-do test` can do inside a server that was started for tests, and nowhere else.
//
// A spec has no way into an object but the ones its clients have. So a server with a test page
// (base/fault.h) answers requests under /.open-do-test/ itself, in any worker, with the functions
// of lua/engine/test.lua instead of the script's `fetch`: in the entry they call a stub as a script
// would, so a spec sees the order, the errors and the gates that objects see; in an object they run
// a function of the spec beside its instance. Everything else, hibernation too, follows from these
// two places.
//
// native.test holds the few things Lua has no way to do: values as bytes, functions from bytecode,
// and dropping the instance.

#ifndef OD_API_TEST_H
#define OD_API_TEST_H

#include <stdbool.h>

#include <lua.h>

struct od_engine;
struct od_task;

// Puts encode and decode into native.test; for the side of the spec.
void od_lib_test_put_values(lua_State *L);

// The side of the server, all of which does nothing without a test page: native.test, before
// anything that uses it; the functions that answer; and, when a script is loaded, the namespace of
// what a spec puts in place of the world (lua/engine/mocks.lua).
void od_lib_test_put(lua_State *L);
void od_lib_test_open(lua_State *L);
void od_test_add_objects(lua_State *L);

// Pushes the function that answers the request of [task] in place of the script's, or nothing and
// returns false: most often, and always without a test page.
bool od_test_push_handler(struct od_engine *engine, lua_State *L, const struct od_task *task);

#endif
