// A trace: the last events of an object that somebody watches, each with its phases.
//
//   queue   from its arrival until a handler began with it
//   run     in Lua
//   wait    of the handler, for whatever it asked for
//   commit  from its end until what it wrote was on disk
//   send    until the turn in which what it sent had left was over
//
// Whoever asks for it watches from then on, until OD_TRACE_MS_MAX after he last asked. An object
// that nobody watches pays for it with a look at a pointer. One that is watched keeps its struct,
// though not its instance.
//
// Process: workers. Owner: the object's history.

#ifndef OD_OBJECT_TRACE_H
#define OD_OBJECT_TRACE_H

#include "object/history.h"
#include "object/objects.h"
#include "object/task.h"

#define OD_TRACE_EVENTS 100

struct od_trace_event {
    uint64_t number; // From 1 on; 0: none.
    uint64_t task;
    uint64_t bytes; // Of the event.
    od_seq seq;     // What it has to wait for; 0: nothing.
    bool has_failed;
    int64_t came_us, began_us, ended_us, durable_us, sent_us; // By od_clock_passed_us; 0: not yet.
    int64_t run_us;
    char name[OD_HISTORY_NAME_BYTES];
};

struct od_tap;

struct od_trace {
    struct od_list link; // Among all of the worker.
    struct od_object *object;
    od_time_ms asked_ms;
    uint64_t last; // Number.
    struct od_trace_event *running;
    struct od_tap *tap;                            // NULL: its messages are not watched (tap.h).
    struct od_trace_event events[OD_TRACE_EVENTS]; // Each at its number, modulo.
};

// Begins it, or goes on. False: too many are watched.
OD_MUST_CHECK bool od_trace_watch(struct od_object *object, struct od_error *err);
void od_trace_end(struct od_object *object);
bool od_trace_is_on(const struct od_object *object);
struct od_trace *od_trace_of(const struct od_object *object); // NULL: it is not on.

// Its events, oldest first, one record each.
void od_trace_put(struct od_bytes *facts, const struct od_object *object);

// What happens to an event of it. All of these look first whether it is watched.
void od_trace_began(struct od_object *object, const struct od_task *task);
void od_trace_goes_on(struct od_object *object, const struct od_task *task);
void od_trace_ran(struct od_object *object, int64_t us); // The stretch is over.
void od_trace_task_over(struct od_object *object, const struct od_task *task);

void od_traces_durable(const struct od_objects *objects);
void od_traces_turn(struct od_objects *objects); // What may leave has left.

#endif
