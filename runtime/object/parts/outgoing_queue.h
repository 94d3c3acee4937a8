// The requests of one object to the outside that have not ended (outgoing.h).
//
// Owner: struct od_work embeds it.

#ifndef OD_OBJECT_PARTS_OUTGOING_QUEUE_H
#define OD_OBJECT_PARTS_OUTGOING_QUEUE_H

#include <stdint.h>

#include "base/list.h"

struct od_outgoing_queue {
    struct od_list waiting; // Oldest first.
    uint32_t waiting_count;
    uint32_t running_count;
    struct od_list turn; // Among the objects that may begin one.
};

#endif
