#include "object/nodes/slots.h"

#include <string.h>

#include "base/cursor.h"
#include "object/call_sent.h"
#include "object/crons.h"
#include "object/nodes/early.h"
#include "object/nodes/edge.h"
#include "object/nodes/removal.h"
#include "object/socket.h"

static bool is_of_worker(const struct od_objects *objects, od_slot slot)
{
    return slot % objects->worker_count == objects->worker;
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

static void read_sockets(struct od_object *object)
{
    OD_LIST_EACH (link, &object->sockets) {
        struct od_socket *socket = OD_LIST_MEMBER(link, struct od_socket, link);
        if (socket->is_paused)
            od_socket_resume(socket);
    }
}

// What waits for its slot, or for what that stores, goes on.
static void welcome(struct od_objects *objects, const bool *may_go_on)
{
    struct od_map_node *node = od_map_next(&objects->by_id, NULL), *next;
    for (; node != NULL; node = next) {
        next = od_map_next(&objects->by_id, node);
        struct od_object *object = OD_MAP_MEMBER(node, struct od_object, by_id);
        if (!may_go_on[od_slot_of_id(object->identity.id)])
            continue;
        read_sockets(object);
        od_object_settle(object);
    }
}

bool od_slots_receive(struct od_objects *objects, od_slice body)
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
        came[slot] = is_here && !was_here && is_of_worker(objects, slot);
        may_go_on[slot] = came[slot] || (is_filled && is_of_worker(objects, slot));
        if (was_here && !is_here && is_of_worker(objects, slot))
            od_removal_begin(objects, slot);
    }
    od_removal_of_strays(objects);
    od_early_welcome(objects);
    od_calls_sent_moved(objects);
    welcome(objects, may_go_on);
    od_crons_wake(objects, came);
    od_edges_moved(objects);
    return true;
}
