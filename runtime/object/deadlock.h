// Cycles of calls that can never finish: they are found, and one call of them fails.
//
// An object that is in a critical section (section.h), or whose constructor runs, is shut: it
// handles nothing but what the task inside waits for. If that task calls another object, and the
// call comes back to the first, each waits for the other, and only a time limit would end it. The
// same when two objects call each other out of their sections, and for any longer way around. While
// no object on the way is shut a cycle is harmless: the call that comes back is handled while the
// first one waits.
//
// How one is found. A call waits for the task that handles it, or for the one that shuts its
// object; a task waits for the call it has made. A cycle cannot be closed by something new, which
// nothing waits for yet: not by a call that is made, nor by a task that starts. So what closes it
// is a call that arrives where an object is shut, or an object that shuts while a call is there,
// and whose task then makes a call that arrives ... So there is one moment to look: when a call
// arrives at a shut object. Then a probe is sent along all that waits, from object to object and
// from worker to worker (PROBE), until it comes to something that does not wait for a call, or back
// to the call it began with: a cycle. The other way, that each call carries the objects that wait
// for it, costs bytes on every call and does not see two sections that call each other.
//
// A probe comes by a call once: the ways from one to the other can be more than all that wait. So
// it finds one cycle, and when that is broken and the call it began with still waits, another probe
// looks for the next.
//
// Two probes can find the same cycle at once, from either end. Both condemn the same call: of those
// that wait at a shut object, the one with the highest number in the highest worker. Its caller
// gets an error that names all objects of the cycle, and the others go on.
//
// A new version of the script shuts an object, too, until the handlers on the old code have ended:
// a call that arrives then waits for all of them.
//
// It costs nothing while calls do not meet shut objects, and no message unless the task inside
// waits for a call itself.

#ifndef OD_OBJECT_DEADLOCK_H
#define OD_OBJECT_DEADLOCK_H

#include "object/call.h"

// [call], of another object, has just come into an inbox. It may be over and freed afterwards.
void od_deadlock_look(struct od_call *call);

// Messages of another worker: PROBE and DEADLOCKED.
void od_deadlock_receive_probe(struct od_objects *objects, uint32_t worker, od_slice body);
void od_deadlock_receive_deadlocked(struct od_objects *objects, od_slice body);

#endif
