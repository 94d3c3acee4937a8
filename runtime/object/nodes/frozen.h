// While no handler may run because the engine of the cluster does not answer: requests and calls
// that wait are refused as retryable, which is a 503. Events that nobody waits for stay, and so do
// sockets, instances, and handlers in the middle of something.

#ifndef OD_OBJECT_NODES_FROZEN_H
#define OD_OBJECT_NODES_FROZEN_H

#include "object/objects.h"

void od_frozen_refuse(struct od_objects *objects); // What waits now.

#endif
