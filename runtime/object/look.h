// A look: a command of an operator that is answered without the object's code, by what is stored
// and what this worker knows, or that does away with its instance (link/commands.h says which).
//
// A look makes no instance and starts no idle time anew: who watches an object once a second does
// not keep it awake. What it finds leaves through the object's outbox and waits for all writes
// there are, also for unconfirmed ones: no operator sees a value that the disk may still refuse.
// While a transaction is open, whose writes may be taken back, it waits in the inbox until that is
// over.
//
// Process: workers.

#ifndef OD_OBJECT_LOOK_H
#define OD_OBJECT_LOOK_H

#include "object/call.h"

// Whether the call is a look: a command that does not write.
bool od_look_is_for(const struct od_call_message *message);
bool od_look_is_event(const struct od_event *event); // The same, of what waited in an inbox.

// No Lua of it runs.
void od_look_take(struct od_object *object, uint64_t call, od_slice invocation);

#endif
