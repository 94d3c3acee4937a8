#include "object/places.h"

#include <string.h>

#include "base/cursor.h"
#include "object/call_sent.h"
#include "object/crons.h"
#include "object/objects.h"
#include "object/route.h"

void od_places_init(struct od_places *places, bool is_cluster)
{
    *places = (struct od_places){.is_cluster = is_cluster};
    memset(places->slots, is_cluster ? OD_SLOT_NOWHERE : OD_SLOT_HERE, sizeof places->slots);
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

bool od_places_are_far(const struct od_objects *objects, uint32_t place)
{
    return place > objects->worker_count && place < od_places_nowhere(objects);
}

bool od_places_are_workers(const struct od_objects *objects, uint32_t place)
{
    return place < objects->worker_count || od_places_are_far(objects, place);
}

uint32_t od_places_of(const struct od_objects *objects, const od_id *id)
{
    const struct od_places *places = &objects->places;
    uint8_t slot = places->slots[od_slot_of_id(id->bytes)]; // Zeros: here.
    if (slot == OD_SLOT_HERE)
        return od_worker_of(id, objects->worker_count);
    OD_ASSERT(places->is_cluster);
    uint32_t seat = slot - OD_SLOT_SEATED;
    if (slot == OD_SLOT_NOWHERE || places->workers[seat] == 0)
        return od_places_nowhere(objects);
    uint32_t worker = od_worker_of(id, places->workers[seat]);
    return od_seat_place(objects->worker_count, (struct od_seated){seat, worker});
}

static bool is_sound(od_slice slots, od_slice workers)
{
    if (slots.size != OD_SLOT_COUNT || workers.size != OD_SEATS_MAX)
        return false;
    for (size_t i = 0; i < slots.size; i++) {
        if ((uint8_t)slots.at[i] >= OD_SLOT_SEATED + OD_SEATS_MAX)
            return false;
    }
    for (size_t i = 0; i < workers.size; i++) {
        if ((uint8_t)workers.at[i] > OD_WORKERS_MAX)
            return false;
    }
    return true;
}

static bool is_own(const struct od_objects *objects, od_slot slot)
{
    return slot % objects->worker_count == objects->worker;
}

// What waits for its slot goes on.
static void welcome(struct od_objects *objects, const bool *came)
{
    struct od_map_node *node = od_map_next(&objects->by_id, NULL), *next;
    for (; node != NULL; node = next) {
        next = od_map_next(&objects->by_id, node);
        struct od_object *object = OD_MAP_MEMBER(node, struct od_object, by_id);
        od_slot slot = od_slot_of_id(object->identity.id);
        if (!came[slot])
            continue;
        if (!objects->removal.is_leaving[slot]) // Otherwise at its end.
            od_storage_moved(&object->storage);
        od_object_settle(object);
    }
    od_crons_wake(objects, came);
}

bool od_places_receive(struct od_objects *objects, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    od_slice slots = od_cursor_bytes(&cursor, OD_SLOT_COUNT);
    od_slice workers = od_cursor_bytes(&cursor, OD_SEATS_MAX);
    if (!objects->places.is_cluster || cursor.failed || !is_sound(slots, workers))
        return false;
    bool came[OD_SLOT_COUNT];
    for (od_slot slot = 0; slot < OD_SLOT_COUNT; slot++) {
        bool was_here = objects->places.slots[slot] == OD_SLOT_HERE;
        bool is_here = slots.at[slot] == OD_SLOT_HERE;
        objects->places.slots[slot] = (uint8_t)slots.at[slot];
        came[slot] = is_here && !was_here && is_own(objects, slot);
        if (was_here && !is_here && is_own(objects, slot))
            od_removal_begin(objects, slot);
    }
    memcpy(objects->places.workers, workers.at, workers.size);
    od_calls_sent_moved(objects);
    welcome(objects, came);
    od_edges_moved(objects);
    return true;
}
