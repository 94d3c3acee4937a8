#include "object/places.h"

#include <string.h>

#include "object/names/route.h"
#include "object/objects.h"

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

// Whether a call of an object of [slot], which is leaving, may begin.
static bool takes_calls(const struct od_places *places, od_slot slot)
{
    od_time_ms left_ms = places->leaves_ms[slot] - od_clock_monotonic_ms();
    od_time_ms passed_ms = OD_REMOVAL_MS_MAX - left_ms;
    return places->is_leaving[slot] && left_ms > OD_REMOVAL_SHUT_MS &&
           passed_ms % (OD_REMOVAL_SHUT_MS + OD_REMOVAL_OPEN_MS) >= OD_REMOVAL_SHUT_MS;
}

uint32_t od_places_to_ask(const struct od_objects *objects, const od_id *id)
{
    od_slot slot = od_slot_of_id(id->bytes);
    uint32_t own = od_worker_of(id, objects->worker_count);
    if (!objects->places.is_going[slot])
        return od_places_of(objects, id);
    OD_ASSERT(objects->places.slots[slot] != OD_SLOT_HERE);
    bool can_take = own != objects->worker || takes_calls(&objects->places, slot);
    return can_take ? own : od_places_nowhere(objects);
}

inline bool od_places_may_run(const struct od_object *object)
{
    const struct od_places *places = &object->objects->places;
    if (!places->is_cluster || od_object_is_entry(object))
        return true;
    od_slot slot = od_slot_of_id(object->identity.id);
    return places->slots[slot] == OD_SLOT_HERE || places->is_leaving[slot];
}

bool od_places_may_read(const struct od_object *object)
{
    const struct od_places *places = &object->objects->places;
    return od_object_is_entry(object) || !places->is_leaving[od_slot_of_id(object->identity.id)];
}
