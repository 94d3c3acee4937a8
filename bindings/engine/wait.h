// How code of a script waits: for time, for the disk, for another object, or for nothing any more.
//
// A C function that has to wait notes here what for and yields a token only it knows. The yield
// passes through coroutines of the script (lua/engine/coroutine.lua hands the token on) up to the
// engine, which then asks the core. Nothing is asked before the yield has arrived: where Lua cannot
// yield, as inside table.sort, an error is raised and nothing has happened.

#ifndef OD_ENGINE_WAIT_H
#define OD_ENGINE_WAIT_H

#include <lua.h>

#include "base/bytes.h"
#include "link/failure.h"
#include "object/outgoing.h"
#include "object/task.h"

struct od_engine;
struct od_object;

enum od_wait_kind {
    OD_WAIT_NONE,
    OD_WAIT_SLEEP,
    OD_WAIT_SYNC,
    OD_WAIT_CALL,        // Comes back as (true, response) or (false, failure record).
    OD_WAIT_FETCH,       // The same, to the outside.
    OD_WAIT_METHOD,      // Comes back as (true, results...) or (false, failure record).
    OD_WAIT_PASSWORD,    // Comes back as (true, key) or (false, failure record).
    OD_WAIT_STREAM,      // Until something can be written to a body; ask anew.
    OD_WAIT_BODY,        // Until something of a body has come; ask anew.
    OD_WAIT_READ,        // Until something of a pipe has come, or it is connected; ask anew.
    OD_WAIT_WRITE,       // Until something can be written to a pipe; ask anew.
    OD_WAIT_BRANCHES,    // Functions side by side; what came of them they keep themselves.
    OD_WAIT_RESET,       // The instance goes; nothing comes back, and no pcall sees it.
    OD_WAIT_ABORT,       // The same, and the sockets are cut.
    OD_WAIT_ABORT_ALARM, // The same again, and the alarm that runs is not retried.
    OD_WAIT_KINDS,
};

struct od_wait {
    enum od_wait_kind kind;
    int64_t ms;                 // SLEEP.
    struct od_outgoing_way way; // FETCH.
    uint64_t number;            // STREAM: which. BODY: its reader.
                                // READ, WRITE: the pipe.
    size_t size;                // READ: so many bytes.
    bool races;                 // BRANCHES: one decides.
    struct od_bytes bytes; // CALL, METHOD: the message (object/call.h). FETCH: the request. RESET,
                           // ABORT: why.
};

void od_wait_deinit(struct od_wait *wait);

// Raises, in the name of [call], where it is not possible to wait; returns what to fill in.
struct od_wait *od_wait_prepare(lua_State *L, const char *call);

// Leaves the C function: `return od_wait_yield(L, kind)`.
int od_wait_yield(lua_State *L, enum od_wait_kind kind);

// What RESET, ABORT and ABORT_ALARM are about.
void od_wait_give_up(struct od_object *object, enum od_wait_kind kind,
                     const struct od_failure *why);

void od_wait_push_token(lua_State *L);

// After a yield has arrived with [values] on the stack of the task's coroutine.
enum od_wait_begun {
    OD_WAIT_BEGUN,   // What comes is an event.
    OD_WAIT_OVER,    // There is nothing to wait for: go on at once.
    OD_WAIT_LAST,    // A reset: this coroutine never goes on.
    OD_WAIT_FOREIGN, // Not a yield of ours: the script yielded outside its own coroutines.
};
enum od_wait_begun od_wait_begin(struct od_engine *engine, struct od_task *task);

// Pushes onto [L] what the wait of [kind] gives; [bytes] came with [ok].
int od_wait_push_result(lua_State *L, enum od_wait_kind kind, bool ok, od_slice bytes);

#endif
