// The `crons` of a script: schedules (parts/schedule.h) of an object that nobody else can name,
// whose constructor makes them those of the version it meets (lua/engine/crons.lua).

#ifndef OD_OBJECT_CRONS_H
#define OD_OBJECT_CRONS_H

#include "object/objects.h"

#define OD_CRONS_NAMESPACE "_crons" // No name that a script or a URL can give.

// There is another version: the object, if it is this worker's, is constructed, though nothing
// happens to it. Or, with [came], if its slot is among those that have come (places.h).
void od_crons_wake(struct od_objects *objects, const bool *came);

#endif
