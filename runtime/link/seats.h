// Numbers of workers, also of those of other nodes.
//
// A node gives each other node it knows a seat, and each worker there has a place behind those of
// its own: workers call it by that place, as they call one of their own. Between nodes, where seats
// mean nothing, a worker is known by the id of its node and its number there.
//
// Process: any.

#ifndef OD_LINK_SEATS_H
#define OD_LINK_SEATS_H

#include <stdint.h>

#include "link/options.h"

#define OD_SEATS_MAX 64            // Nodes beside this one. Others are not linked.
#define OD_NODE_IDS_MAX (1u << 26) // So that it fits beside a number of a worker.

enum { // Of a slot, in SLOTS.
    OD_SLOT_HERE,
    OD_SLOT_FILLING, // Here, but what an object stores has to be asked for.
    OD_SLOT_NOWHERE, // For now.
    OD_SLOT_SEATED,  // Plus a seat: at the node that has it.
};

// Whom a place means: [seat] is that of the node.
struct od_seated {
    uint32_t seat;
    uint32_t worker;
};

// Places behind those of [worker_count] own workers, and that of main.
static inline uint32_t od_seat_place(uint32_t worker_count, struct od_seated seated)
{
    return worker_count + 1 + seated.seat * OD_WORKERS_MAX + seated.worker;
}

static inline uint32_t od_seat_places(uint32_t worker_count)
{
    return od_seat_place(worker_count, (struct od_seated){OD_SEATS_MAX, 0});
}

// Of a place that is behind the own ones.
static inline struct od_seated od_seat_of(uint32_t worker_count, uint32_t place)
{
    uint32_t behind = place - worker_count - 1;
    return (struct od_seated){behind / OD_WORKERS_MAX, behind % OD_WORKERS_MAX};
}

#endif
