// The coroutines in which events run. One that has ended well is kept and used again, which costs a
// seventh of a new one; one that ended in an error cannot be.
//
// A script never gets hold of one: to it a handler runs in no coroutine, so `coroutine.running` is
// nil there, and nobody but the engine can resume what the engine waits for.
//
// At the bottom of its stack lie tables that nearly every event needs, under whatever is put there:
// so they need not be looked up. What a function returned when it ended lies above them.
//
// Owner: the task's `thread` while it runs or waits, else the pool.

#ifndef OD_ENGINE_COROUTINE_H
#define OD_ENGINE_COROUTINE_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "engine/class.h"
#include "engine/wait.h"

#define OD_COROUTINES_KEPT_MAX 256

enum od_coroutine_place {
    OD_COROUTINE_SOCKETS = 1, // engine->sockets_ref,
    OD_COROUTINE_SELVES,      // engine->selves_ref,
    OD_COROUTINE_PAGE,        // and that of its tables which was needed last (instance.h), or nil.
    OD_COROUTINE_PLACES = OD_COROUTINE_PAGE,
};

struct od_engine;

struct od_coroutine {
    lua_State *L;
    int ref;
    enum od_handler handler;     // What of the class it runs.
    enum od_wait_kind waits_for; // After a yield: what is to come.
    int body_ref;                // The function that writes the body of its response, or LUA_NOREF;
    bool writes_body;            // it has been begun.
    bool keeps_aborts;           // Functions were given to request:onAbort.
    int deferred_ref;            // Functions of waitUntil: an array, or LUA_NOREF.
    int deferred_count;
    int deferred_done;
    uint64_t page;             // Which table stands at OD_COROUTINE_PAGE; 0: none.
    struct od_coroutine *next; // In the pool.
};

struct od_coroutines {
    struct od_coroutine *first;
    size_t size;
};

struct od_coroutine *od_coroutine_take(struct od_engine *engine);
void od_coroutine_give(struct od_engine *engine,
                       struct od_coroutine *coroutine); // It has ended well.
void od_coroutine_drop(struct od_engine *engine, struct od_coroutine *coroutine); // It has not.
void od_coroutines_deinit(struct od_engine *engine);

// Gives up the Lua thread inside and puts a new one in its place; the rest stays.
void od_coroutine_renew(struct od_engine *engine, struct od_coroutine *coroutine);

void od_coroutines_open(lua_State *L); // Once a state; puts native.coroutine.

// Adds the function on top of [L], popped, to what runs after the event; pushes the next, or
// returns false when there is none.
void od_coroutine_defer(struct od_coroutine *coroutine, lua_State *L);
bool od_coroutine_push_deferred(struct od_coroutine *coroutine);

#endif
