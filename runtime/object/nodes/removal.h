// Removal: objects whose slot goes to another node leave this worker.
//
// When main says that a slot is here no more (SLOTS), what has begun there may end, for
// OD_REMOVAL_MS_MAX at most. Its sockets are not read any more, and calls are told that the object
// is elsewhere: who has made them asks again soon. A slot whose handlers take long is opened for
// calls now and then: others of its objects go on, and handlers end that wait for each other.
//
// Once nothing of a slot is under way its objects fall asleep. Their WebSockets go on at the next
// owner (edge.h); those that are not at rest when the time is over are closed with 1012, as those
// of a worker that has ended, and their objects reset. Main hears SLOTS_LEFT behind all that was
// written: from then on another node may have it. Until the slot is here again no event of its
// objects is handled.
//
// Owner: struct od_nodes embeds struct od_removal.

#ifndef OD_OBJECT_NODES_REMOVAL_H
#define OD_OBJECT_NODES_REMOVAL_H

#include "base/clock.h"
#include "base/timers.h"
#include "store/slot.h"

struct od_objects;

struct od_removal {
    struct od_objects *objects;
    uint32_t count;               // So many are leaving (places.h).
    bool has_left[OD_SLOT_COUNT]; // Main is to hear of them.
    uint32_t left_count;
    struct od_timer timer;
};

void od_removal_init(struct od_removal *removal, struct od_objects *objects);
void od_removal_deinit(struct od_objects *objects);

// [slot] of this worker is not here any more.
void od_removal_begin(struct od_objects *objects, od_slot slot);

// What a life of this worker before has left of slots that another node has got meanwhile leaves at
// once: nothing of it can be under way.
void od_removal_of_strays(struct od_objects *objects);

// Once a turn, behind what it wrote: main hears of those that have left.
void od_removal_turn(struct od_objects *objects);

#endif
