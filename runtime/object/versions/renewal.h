// After a switch to a new version of the script: every object is looked at anew, a little in each
// turn, however many there are.
//
// Nobody has to wait for it. An instance of a former version is dropped as soon as anything comes
// for its object (object.h), so each event that begins after the switch meets the new version,
// visited or not. What a visit is for is the rest: instances for which nothing comes, timers that
// the next instance has to set anew, events that wait for a class that is there again, requests for
// one that is gone, and objects of a namespace that the script deletes.
//
// Process: workers. Owner: struct od_objects.

#ifndef OD_OBJECT_VERSIONS_RENEWAL_H
#define OD_OBJECT_VERSIONS_RENEWAL_H

#include "object/objects.h"

void od_renewal_begin(struct od_objects *objects); // After a switch; one that is on begins anew.

// Goes on for a bounded time; true when there is more to do at once.
bool od_renewal_turn(struct od_objects *objects);

#endif
