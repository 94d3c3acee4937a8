#include "object/nodes/removal.h"

#include "link/link.h"
#include "object/inbox.h"
#include "object/limits.h"
#include "object/loading.h"
#include "object/nodes/edge.h"
#include "object/object.h"
#include "object/object_inner.h"
#include "object/objects.h"
#include "object/remote.h"
#include "object/socket.h"

static od_slot slot_of(const struct od_object *object)
{
    return od_slot_of_id(object->identity.id);
}

static bool is_still(const struct od_object *object)
{
    return od_list_is_empty(&object->work->tasks) && od_list_is_empty(&object->work->inbox) &&
           od_list_is_empty(&object->work->resumes) && od_list_is_empty(&object->work->outbox) &&
           od_storage_is_clean(&object->storage);
}

static void close_sockets(struct od_object *object)
{
    OD_LIST_EACH (link, &object->sockets) {
        struct od_socket *socket = OD_LIST_MEMBER(link, struct od_socket, link);
        if (socket->remote != NULL) { // Something of it is under way, and nobody knows how far.
            socket->remote->counts = false;
            od_remote_gone(socket, true);
            continue;
        }
        od_websocket_close(socket->websocket, 1012,
                           OD_SLICE("the object has moved to another node"));
        od_websocket_let_go(socket->websocket);
    }
    od_object_cut_sockets(object);
}

// Whatever of it is still there has no way on: the writes it rests on may be another node's.
static void remove_one(struct od_object *object)
{
    OD_ASSERT(object->running == NULL);
    od_edges_take(object);
    close_sockets(object);
    od_inbox_give_up(object, OD_SLICE("the object has moved to another node"));
    if (object->state == OD_WAKING || !is_still(object))
        od_object_lose_writes(object, OD_SLICE("it has moved to another node"));
    else
        od_object_sleep(object);
    od_loading_forget(object);
    od_object_settle(object);
}

// Nothing more is read, or clients would keep it busy: their edges send it to the next owner.
static void stop_reading(struct od_object *object)
{
    OD_LIST_EACH (link, &object->sockets) {
        struct od_socket *socket = OD_LIST_MEMBER(link, struct od_socket, link);
        if (!socket->is_events && socket->is_attached)
            od_socket_pause(socket);
    }
}

static void find_busy(const struct od_objects *objects, bool *is_busy)
{
    od_time_ms now_ms = od_clock_monotonic_ms();
    struct od_map_node *node = NULL;
    while ((node = od_map_next(&objects->by_id, node)) != NULL) {
        struct od_object *object = OD_MAP_MEMBER(node, struct od_object, by_id);
        od_slot slot = slot_of(object);
        if (!objects->places.is_leaving[slot])
            continue;
        stop_reading(object);
        bool has_time = now_ms < objects->places.leaves_ms[slot];
        is_busy[slot] = is_busy[slot] || (has_time && !is_still(object));
    }
}

static void remove_all(struct od_objects *objects, const bool *goes)
{
    struct od_map_node *node = od_map_next(&objects->by_id, NULL), *next;
    for (; node != NULL; node = next) {
        next = od_map_next(&objects->by_id, node);
        struct od_object *object = OD_MAP_MEMBER(node, struct od_object, by_id);
        if (goes[slot_of(object)])
            remove_one(object);
    }
}

void od_removal_turn(struct od_objects *objects)
{
    struct od_removal *removal = objects->removal;
    if (removal->left_count == 0)
        return;
    size_t mark = od_link_begin(objects->main, OD_KIND_SLOTS_LEFT, -1);
    for (od_slot slot = 0; slot < OD_SLOT_COUNT; slot++) {
        if (removal->has_left[slot])
            od_bytes_put_u16(&objects->main->out, slot);
        removal->has_left[slot] = false;
    }
    removal->left_count = 0;
    od_link_end(objects->main, mark);
}

static void look(struct od_timer *timer)
{
    struct od_objects *objects = OD_TIMER_MEMBER(timer, struct od_removal, timer)->objects;
    struct od_removal *removal = objects->removal;
    bool goes[OD_SLOT_COUNT], is_busy[OD_SLOT_COUNT] = {false};
    uint32_t count = 0;
    find_busy(objects, is_busy);
    for (od_slot slot = 0; slot < OD_SLOT_COUNT; slot++) {
        goes[slot] = objects->places.is_leaving[slot] && !is_busy[slot];
        objects->places.is_leaving[slot] = objects->places.is_leaving[slot] && is_busy[slot];
        removal->has_left[slot] = removal->has_left[slot] || goes[slot];
        count += goes[slot];
    }
    OD_ASSERT(count <= removal->count);
    removal->count -= count;
    removal->left_count += count;
    if (count > 0)
        remove_all(objects, goes);
    if (removal->count > 0)
        od_timers_set(objects->timers, timer, od_clock_monotonic_ms() + OD_REMOVAL_LOOK_MS);
}

void od_removal_begin(struct od_objects *objects, od_slot slot)
{
    struct od_removal *removal = objects->removal;
    OD_ASSERT(slot < OD_SLOT_COUNT);
    OD_ASSERT(slot % objects->worker_count == objects->worker);
    OD_ASSERT(!objects->places.is_leaving[slot]);
    objects->places.is_leaving[slot] = true;
    objects->places.leaves_ms[slot] = od_clock_monotonic_ms() + OD_REMOVAL_MS_MAX;
    if (removal->count++ == 0)
        od_timers_set(objects->timers, &removal->timer, od_clock_monotonic_ms());
}

static bool is_stray(const struct od_objects *objects, od_slot slot)
{
    return slot % objects->worker_count == objects->worker && !objects->places.is_leaving[slot] &&
           objects->places.slots[slot] >= OD_SLOT_SEATED;
}

void od_removal_of_strays(struct od_objects *objects)
{
    bool goes[OD_SLOT_COUNT], any_goes = false;
    for (od_slot slot = 0; slot < OD_SLOT_COUNT; slot++) {
        goes[slot] = is_stray(objects, slot);
        any_goes = any_goes || goes[slot];
    }
    if (any_goes) // Of one machine none does, whatever it has.
        remove_all(objects, goes);
}

void od_removal_init(struct od_removal *removal, struct od_objects *objects)
{
    *removal = (struct od_removal){.timer = {.fire = look}, .objects = objects};
    objects->removal = removal;
}

void od_removal_deinit(struct od_objects *objects)
{
    od_timers_clear(objects->timers, &objects->removal->timer);
}
