// Who keeps clients here whose objects live elsewhere.
//
// An answer with a WebSocket of an object at another node makes such a client, and a socket whose
// client is in this very worker says to it what it would say to another one (remote.h). Who it is
// stands above objects (nodes/edge.h).

#ifndef OD_OBJECT_EDGE_KEEPER_H
#define OD_OBJECT_EDGE_KEEPER_H

#include <stdint.h>

#include "base/slice.h"

struct od_objects;

struct od_edge_keeper {
    // The connection [fd] of a client, with its record, is for the socket [number] at [place],
    // which is of another node. Takes [fd].
    void (*begin)(struct od_objects *objects, uint32_t place, uint64_t number, od_slice record,
                  int fd);

    // Of [place]: the bodies of EDGE_FACTS and EDGE_GONE.
    void (*facts)(struct od_objects *objects, uint32_t place, od_slice body);
    void (*gone)(struct od_objects *objects, uint32_t place, od_slice body);
};

#endif
