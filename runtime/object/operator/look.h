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

#ifndef OD_OBJECT_OPERATOR_LOOK_H
#define OD_OBJECT_OPERATOR_LOOK_H

#include "object/inspector.h"

// What answers an operator for all objects of a worker: looks, and the list (inspection.h).
extern const struct od_inspector od_look_inspector;

#endif
