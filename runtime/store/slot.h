// Slots: the unit in which objects are given to workers, and later to machines.
//
// An object belongs to one of 1,024 slots by the first bytes of its id, and a slot to one worker.
// Keys begin with the slot, so all that a slot stores is one range.

#ifndef OD_STORE_SLOT_H
#define OD_STORE_SLOT_H

#include <stdint.h>

#define OD_SLOT_COUNT 1024
#define OD_ID_BYTES 32 // Of an object's id.

typedef uint16_t od_slot;

od_slot od_slot_of_id(const uint8_t id[OD_ID_BYTES]);

#endif
