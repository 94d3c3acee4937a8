// Where objects are when there are several nodes: from an id to the worker to ask, here or there.
//
// Each worker of another node has a place behind the own workers (link/seats.h), and is asked as a
// neighbour is. Main tells which slot is where (SLOTS); what is on its way somewhere, or at a node
// that is not linked, is nowhere for now: its calls wait (call_sent.h), as for a worker that is
// being replaced. Whoever gets a call of an object that is not here says so, and it goes on.
//
// Owner: struct od_objects embeds struct od_places.

#ifndef OD_OBJECT_PLACES_H
#define OD_OBJECT_PLACES_H

#include "base/clock.h"
#include "link/seats.h"
#include "object/names/id.h"
#include "store/slot.h"

struct od_object;
struct od_objects;

struct od_places {
    bool is_cluster; // Else all is here, for ever.
    uint8_t slots[OD_SLOT_COUNT];
    bool is_filling[OD_SLOT_COUNT];      // Here, but not all that it stores (loading.h).
    bool is_going[OD_SLOT_COUNT];        // It was here, and nobody else has it yet.
    bool is_leaving[OD_SLOT_COUNT];      // It was here, and what has begun may end,
    od_time_ms leaves_ms[OD_SLOT_COUNT]; // until then (nodes/removal.h).
    uint8_t heirs[OD_SLOT_COUNT];        // Where it goes when it goes (OD_SLOT_SEATED), or NOWHERE.
    uint8_t workers[OD_SEATS_MAX];       // Of the node in that seat; 0: it is not linked.
};

void od_places_init(struct od_places *places, bool is_cluster); // With it all is nowhere.

// How many places there are, with that of nobody, which is the last.
uint32_t od_places_count(const struct od_objects *objects);
uint32_t od_places_nowhere(const struct od_objects *objects);

// The worker to ask about the object of that id, or od_places_nowhere.
uint32_t od_places_of(const struct od_objects *objects, const od_id *id);

// That of the node to which the object goes next, as far as it is known.
uint32_t od_places_next(const struct od_object *object);

// The one to ask for a call: a worker that is about to let the object go takes some still
// (nodes/removal.h).
uint32_t od_places_to_ask(const struct od_objects *objects, const od_id *id);

bool od_places_are_own(const struct od_objects *objects, od_slot slot);       // This worker has it.
bool od_places_are_far(const struct od_objects *objects, uint32_t place);     // Of another node.
bool od_places_are_workers(const struct od_objects *objects, uint32_t place); // Here or there.

// Whether events of the object may be handled, and whether its sockets may be read.
bool od_places_may_run(const struct od_object *object);
bool od_places_may_read(const struct od_object *object);

#endif
