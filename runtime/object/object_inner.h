// What the body of an object shares between its files: life.c, in which it begins and ends,
// object.c, in which it lives, stretch.c, in which its Lua runs, reset.c, in which it loses its
// instance against its will, and rewind.c, without which it may have none.
// Everybody else knows only object.h.

#ifndef OD_OBJECT_OBJECT_INNER_H
#define OD_OBJECT_OBJECT_INNER_H

#include "link/failure.h"

struct od_object;
struct od_event;
struct od_task;

extern const struct od_failure od_object_server_stops; // What callers hear then.

// The instance, or what a constructor has made of it, is gone; its script may be too, from now on.
void od_object_drop_instance(struct od_object *object);

// Runs one stretch of [task], which may be gone then: a constructor, a handler, or, with [resume],
// what goes on of one. What it wrote becomes a batch, and what has ended is put away.
void od_object_run_stretch(struct od_object *object, struct od_task *task,
                           const struct od_event *resume);

// [event] is over without having been handled: who waits for an answer is told. Frees it.
void od_object_fail_event(struct od_object *object, struct od_event *event,
                          const struct od_failure *why);
void od_object_fail_first_event(struct od_object *object); // With [object->failure].

void od_object_perform_reset(struct od_object *object); // No Lua of it may be running.
void od_object_cut_sockets(struct od_object *object);

#endif
