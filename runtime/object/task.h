// A task: one run of a handler, from its event to its end, with pauses in between.
//
// An object handles its events one after another, but a handler that waits (sleeps, calls another
// object, asks for storage to be synced) lets others run meanwhile, as on Cloudflare. So an object
// can have many tasks, of which at most one runs. Only messages of one socket never overtake: the
// next is handled when the task of the one before has ended.
//
// Waiting: the engine calls exactly one of the od_task_wait_ functions below, then returns
// OD_RUN_WAITING. What comes is an OD_EVENT_RESUME through the object's inbox, like all else.
//
// Owner: the object. Made by od_objects_deliver, freed when it has ended or its object is reset.

#ifndef OD_OBJECT_TASK_H
#define OD_OBJECT_TASK_H

#include "base/error.h"
#include "base/timers.h"
#include "link/failure.h"
#include "net/fetch.h"
#include "object/names/id.h"
#include "object/parts/event.h"

struct od_object;
struct od_objects;
struct od_outgoing_way;
struct od_script;

struct od_task {
    // Made once for all tasks of a block of the slab: lists are empty again when a task has ended.
    struct od_list link;        // In the object's tasks.
    struct od_list syncing;     // Among the object's tasks that wait for the disk.
    struct od_list accepted;    // Sockets accepted by it that no 101 has taken yet.
    struct od_list client_ends; // Of its fetches; neither accepted nor handed on (client_end.h).
    struct od_list sinks;       // Of bodies of its answers that it has not passed on (reader.h).
    struct od_list streaming;   // Among those that wait to write to a stream.
    struct od_list branches;    // Of it, that have not ended (branch.h).
    struct od_list branch;      // Among those of [trunk].
    struct od_timer timer;      // od_task_wait_sleep.
    struct od_timer deadline;   // od_task_limit.
    // New for each, zero at first:
    uint64_t id; // In the slab; never used twice in a worker's life.
    struct od_object *object;
    struct od_script *script; // The version whose code it runs.
    struct od_event *event;   // What it handles; NULL for a constructor.
    od_time_ms began_ms;
    uint64_t stream;       // The body it writes; 0: none.
    uint64_t waiting_call; // The call it waits for, to cancel it; 0 for none.
    uint64_t sync_seq;     // od_task_wait_sync.
    struct od_task *trunk; // Of a branch; else NULL.
    bool races;            // Its branches: it needs one of them only.
    bool decides;          // A branch: its trunk waits for no other.
    bool has_body;         // FETCH: the body of its request, which comes in pieces, is a sink.
    bool asker_has_left;   // FETCH: nobody waits for its answer any more;
    bool heeds_asker;      // it wants to know.
    bool is_answered;      // FETCH, CALL: its call has got an answer, or a failure.
    bool has_failed;
    bool is_bound;       // It has waited, or got something that is to be looked after when it ends.
    bool is_after_event; // The handler has returned; functions given to waitUntil run.
    // The engine's, untouched by the core:
    void *thread;
};

// Panics unless [task] is as its fields say of each other.
void od_task_check(const struct od_task *task);

struct od_task *od_task_new(struct od_object *object, struct od_event *event); // Takes [event].
struct od_task *od_task_find(struct od_objects *objects, uint64_t id);         // NULL: ended.
const char *od_task_name(const struct od_task *task); // What it runs: "fetch", "constructor".

// What a log line says of it to machines (base/log_field.h): event, method, version. NULL: nothing.
void od_task_put_fields(struct od_bytes *fields, const struct od_task *task);

// Ends it, finished or not: the engine forgets it, what it waited for is cancelled, and sockets it
// accepted without a 101 are gone. Its call is not answered here.
void od_task_free(struct od_task *task);

// It waits: from now on it may take so long as its kind may, a constructor OD_CONSTRUCT_MS_MAX and
// an event of a socket what setHibernatableWebSocketEventTimeout says. Then its object is reset.
// What waitUntil has left may take OD_WAIT_UNTIL_MS_MAX, then it is given up.
void od_task_limit(struct od_task *task);

// Its handler is over, and its answer given; what is left are the functions given to waitUntil. To
// the object and its sockets the event has ended. Again after each of these.
void od_task_returned(struct od_task *task);

void od_task_over(struct od_task *task); // All of it; its last stretch is not sealed yet.

void od_task_resume(struct od_task *task); // What it waits for is there, and brings nothing along.

void od_task_synced(struct od_task *task); // What od_task_wait_sync waited for is on disk.

// Who waits for its answer, or reads the body it writes, has gone, or has closed his half of the
// connection. It runs on, and so does what it has asked others on his behalf, who are told too. If
// it heeds that, now or later, its object gets an event.
void od_task_asker_left(struct od_task *task);
void od_task_heed_asker(struct od_task *task);

// The answer to what called the task's object: a response or results (object/call.h), copied. It
// leaves through the object's outbox.
void od_task_answer(struct od_task *task, od_slice answer);

// The handler has failed: a client gets a 500 that tells nothing of the inside, an object gets
// [failure], both through the outbox. For a constructor: the event that woke the object fails like
// this. Logged before, by the engine, which knows the traceback.
void od_task_fail_with(struct od_task *task, const struct od_failure *failure);
void od_task_fail(struct od_task *task, od_slice why); // The same, from the object's own code.

// Resumes when [ms] have passed.
void od_task_wait_sleep(struct od_task *task, od_time_ms ms);

// Resumes when all writes of the object so far are on disk. False: they are already, do not wait.
bool od_task_wait_sync(struct od_task *task);

// Makes a call, whose message [bytes] is (od_call_begin; copied), to an object in whichever worker
// it lives, through the outbox of this one. Resumes with the answer, or with a failure
// (link/failure.h).
void od_task_wait_call(struct od_task *task, od_slice bytes);

// Sends a request (link/request.h, copied) to the outside, through the outbox. Resumes with the
// response, or with a failure that says why there is none.
void od_task_wait_fetch(struct od_task *task, const struct od_outgoing_way *way, od_slice request);

#endif
