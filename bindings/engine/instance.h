// An instance: the Lua table that is `self` in the handlers of one object, while it is awake.
//
// `state` and `storage` are userdata with a handle of the instance. Once it is dropped, the handle
// finds nothing and their methods raise: code that kept them from before a sleep or a reload cannot
// reach the object behind the back of its new instance.
//
// Owner: its object's `instance`; made and dropped by self.h.

#ifndef OD_ENGINE_INSTANCE_H
#define OD_ENGINE_INSTANCE_H

#include "engine/class.h"
#include "engine/handle.h"
#include "object/object.h"

struct od_coroutine;
struct od_engine;

struct od_instance {
    struct od_object *object;
    struct od_class *class;
    od_handle handle;
    int timers_ref; // What its timers call (api/timer.h), or LUA_NOREF.
};

// Pushes `self`; quicker onto the stack of a coroutine that has run for one of its neighbours; and,
// before its constructor has begun, the `state` in it.
void od_instance_push(struct od_engine *engine, lua_State *L, const struct od_instance *instance);
void od_instance_push_in(struct od_engine *engine, struct od_coroutine *coroutine,
                         const struct od_instance *instance);
void od_instance_push_state(lua_State *L, int self);

// Pops what `self` of [instance] is from now on, off the engine's own stack.
void od_instance_keep(struct od_engine *engine, const struct od_instance *instance);

// Many were dropped: the tables in which they stood are made to fit those that are left.
void od_instances_fit(struct od_engine *engine);

// The instance behind the handle in a userdata, for [call]. Raises when it is gone.
struct od_instance *od_instance_find(lua_State *L, od_handle handle, const char *call);

// The object behind the handle in a userdata, for the method [call] of it. Raises when its instance
// is gone and when the code of another object runs: what one object does may rest on writes of its
// own, and only its own outbox knows them.
struct od_object *od_instance_object(lua_State *L, od_handle handle, const char *call);
// The same without a word: NULL where that raises.
struct od_object *od_instance_running(const struct od_engine *engine, od_handle handle);

#endif
