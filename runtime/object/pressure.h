// Memory pressure: when scripts take more than three quarters of what they may, and that is no
// garbage, objects that are idle lose their instances, the longest idle first. They lose what they
// would have lost some seconds later; the others keep what they have.

#ifndef OD_OBJECT_PRESSURE_H
#define OD_OBJECT_PRESSURE_H

#include "object/objects.h"

void od_pressure_relieve(struct od_objects *objects); // Once a turn; costs nothing without need.

// All that are idle, for want of any memory; returns how many instances that were.
uint32_t od_pressure_evict_idle(struct od_objects *objects);

#endif
