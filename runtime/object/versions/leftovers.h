// What is stored of namespaces for which the script has no class.
//
// A script may say that it wants no more of one (`deleted`): then its objects go, with all they
// have. Of any other the log says how many objects there are, since a name that was changed by
// mistake looks just like data that is lost. Both need a walk over the directory, after each switch
// to a version, a little in each turn.
//
// Deleting is an ordinary write of each object; some at a time, and their structs go before the
// next ones come. A worker that ends in the middle begins anew, for the script says it still.
//
// Process: workers; each deletes what is its own, and the first of them counts. Owner: struct
// od_objects.

#ifndef OD_OBJECT_VERSIONS_LEFTOVERS_H
#define OD_OBJECT_VERSIONS_LEFTOVERS_H

#include "object/objects.h"

void od_leftovers_begin(struct od_objects *objects); // After a switch.

// One that lives, as what it has stored the directory may not know yet: deletes it if it is one of
// those. The renewal after the switch comes by at each (renewal.h), before the directory is walked.
void od_leftovers_visit(struct od_object *object);

// Goes on for a bounded time; true when there is more to do at once.
bool od_leftovers_turn(struct od_objects *objects);

void od_leftovers_end(struct od_objects *objects);

#endif
