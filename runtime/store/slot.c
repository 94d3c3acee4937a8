#include "store/slot.h"

od_slot od_slot_of_id(const uint8_t id[OD_ID_BYTES])
{
    return (od_slot)(((unsigned)id[0] << 8 | id[1]) & (OD_SLOT_COUNT - 1));
}
