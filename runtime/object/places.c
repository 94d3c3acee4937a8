#include "object/places.h"

#include <string.h>

#include "base/cursor.h"
#include "object/call_sent.h"
#include "object/crons.h"
#include "object/early.h"
#include "object/names/route.h"
#include "object/objects.h"
#include "object/removal.h"

void od_places_init(struct od_places *places, bool is_cluster)
{
    *places = (struct od_places){.is_cluster = is_cluster};
    memset(places->slots, is_cluster ? OD_SLOT_NOWHERE : OD_SLOT_HERE, sizeof places->slots);
    memset(places->heirs, OD_SLOT_NOWHERE, sizeof places->heirs);
}

uint32_t od_places_nowhere(const struct od_objects *objects)
{
    return objects->places.is_cluster ? od_seat_places(objects->worker_count)
                                      : objects->worker_count + 1;
}

uint32_t od_places_count(const struct od_objects *objects)
{
    return od_places_nowhere(objects) + 1;
}

static bool is_own(const struct od_objects *objects, od_slot slot)
{
    return slot % objects->worker_count == objects->worker;
}

bool od_places_are_own(const struct od_objects *objects, od_slot slot)
{
    OD_ASSERT(slot < OD_SLOT_COUNT);
    return objects->places.slots[slot] == OD_SLOT_HERE && is_own(objects, slot);
}

bool od_places_are_far(const struct od_objects *objects, uint32_t place)
{
    return place > objects->worker_count && place < od_places_nowhere(objects);
}

bool od_places_are_workers(const struct od_objects *objects, uint32_t place)
{
    return place < objects->worker_count || od_places_are_far(objects, place);
}

// [where] as in SLOTS, and not here.
static uint32_t worker_there(const struct od_objects *objects, uint8_t where, const od_id *id)
{
    OD_ASSERT(objects->places.is_cluster);
    uint32_t seat = where - OD_SLOT_SEATED;
    if (where == OD_SLOT_NOWHERE || objects->places.workers[seat] == 0)
        return od_places_nowhere(objects);
    uint32_t worker = od_worker_of(id, objects->places.workers[seat]);
    return od_seat_place(objects->worker_count, (struct od_seated){seat, worker});
}

uint32_t od_places_of(const struct od_objects *objects, const od_id *id)
{
    uint8_t slot = objects->places.slots[od_slot_of_id(id->bytes)]; // Zeros: here.
    if (slot == OD_SLOT_HERE)
        return od_worker_of(id, objects->worker_count);
    return worker_there(objects, slot, id);
}

uint32_t od_places_next(const struct od_object *object)
{
    od_id id;
    const struct od_objects *objects = object->objects;
    OD_ASSERT(objects->places.is_cluster);
    memcpy(id.bytes, object->identity.id, OD_ID_BYTES);
    return worker_there(objects, objects->places.heirs[od_slot_of_id(id.bytes)], &id);
}

uint32_t od_places_to_ask(const struct od_objects *objects, const od_id *id)
{
    od_slot slot = od_slot_of_id(id->bytes);
    uint32_t own = od_worker_of(id, objects->worker_count);
    if (!objects->places.is_going[slot])
        return od_places_of(objects, id);
    OD_ASSERT(objects->places.slots[slot] != OD_SLOT_HERE);
    bool can_take = own != objects->worker || od_removal_takes_calls(objects, slot);
    return can_take ? own : od_places_nowhere(objects);
}

static bool is_sound(od_slice slots, od_slice heirs, od_slice workers)
{
    if (heirs.size != OD_SLOT_COUNT || workers.size != OD_SEATS_MAX)
        return false;
    for (size_t i = 0; i < OD_SLOT_COUNT; i++) {
        uint8_t slot = (uint8_t)slots.at[i], heir = (uint8_t)heirs.at[i];
        if (slot >= OD_SLOT_SEATED + OD_SEATS_MAX || heir >= OD_SLOT_SEATED + OD_SEATS_MAX ||
            heir < OD_SLOT_NOWHERE)
            return false;
    }
    for (size_t i = 0; i < workers.size; i++) {
        if ((uint8_t)workers.at[i] > OD_WORKERS_MAX)
            return false;
    }
    return true;
}

// Both mean here.
static uint8_t place_of(uint8_t said)
{
    return said == OD_SLOT_FILLING ? OD_SLOT_HERE : said;
}

// What waits for its slot, or for what that stores, goes on.
static void welcome(struct od_objects *objects, const bool *may_go_on)
{
    struct od_map_node *node = od_map_next(&objects->by_id, NULL), *next;
    for (; node != NULL; node = next) {
        next = od_map_next(&objects->by_id, node);
        struct od_object *object = OD_MAP_MEMBER(node, struct od_object, by_id);
        if (may_go_on[od_slot_of_id(object->identity.id)])
            od_object_settle(object);
    }
}

bool od_places_receive(struct od_objects *objects, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    od_slice slots = od_cursor_bytes(&cursor, OD_SLOT_COUNT);
    od_slice heirs = od_cursor_bytes(&cursor, OD_SLOT_COUNT);
    od_slice workers = od_cursor_bytes(&cursor, OD_SEATS_MAX);
    if (!objects->places.is_cluster || cursor.failed || !is_sound(slots, heirs, workers))
        return false;
    bool came[OD_SLOT_COUNT], may_go_on[OD_SLOT_COUNT];
    memcpy(objects->places.heirs, heirs.at, heirs.size);
    memcpy(objects->places.workers, workers.at, workers.size);
    for (od_slot slot = 0; slot < OD_SLOT_COUNT; slot++) {
        bool was_here = objects->places.slots[slot] == OD_SLOT_HERE;
        bool was_filling = objects->places.is_filling[slot];
        bool is_here = place_of((uint8_t)slots.at[slot]) == OD_SLOT_HERE;
        bool is_nowhere = slots.at[slot] == OD_SLOT_NOWHERE;
        objects->places.is_going[slot] = is_nowhere && (was_here || objects->places.is_going[slot]);
        objects->places.slots[slot] = place_of((uint8_t)slots.at[slot]);
        if (is_here) // One that goes is filled as little as it was.
            objects->places.is_filling[slot] = slots.at[slot] == OD_SLOT_FILLING;
        bool is_filled = was_filling && is_here && !objects->places.is_filling[slot];
        came[slot] = is_here && !was_here && is_own(objects, slot);
        may_go_on[slot] = came[slot] || (is_filled && is_own(objects, slot));
        if (was_here && !is_here && is_own(objects, slot))
            od_removal_begin(objects, slot);
    }
    od_early_welcome(objects);
    od_calls_sent_moved(objects);
    welcome(objects, may_go_on);
    od_crons_wake(objects, came);
    od_edges_moved(objects);
    return true;
}
