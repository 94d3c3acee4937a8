#include "object/nodes/early.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/fault.h"
#include "object/limits.h"
#include "object/nodes/arrival.h"
#include "object/objects.h"
#include "store/identity.h"

struct client {
    struct od_list link;
    uint32_t place; // Of its edge,
    uint32_t from;  // and of who gives its object away.
    od_slot slot;
    od_time_ms until_ms;
    struct od_bytes body;
    int fd;
};

static bool read(od_slice body, struct client *client)
{
    struct od_identity identity;
    struct od_cursor cursor = od_cursor_of(body);
    (void)od_cursor_u64(&cursor); // Edge and count.
    (void)od_cursor_u64(&cursor);
    client->from = od_cursor_u32(&cursor);
    od_identity_read(&cursor, &identity);
    if (!cursor.failed)
        client->slot = od_slot_of_id(identity.id);
    return !cursor.failed;
}

// Whether it may come: nobody has it, or still who gives it away.
static bool may_come(const struct od_objects *objects, const struct client *client)
{
    uint8_t slot = objects->places.slots[client->slot];
    bool is_far = od_places_are_far(objects, client->from);
    return slot == OD_SLOT_NOWHERE ||
           (is_far &&
            slot == OD_SLOT_SEATED + od_seat_of(objects->worker_count, client->from).seat);
}

static void end(struct od_objects *objects, struct client *client)
{
    OD_ASSERT(objects->early->count > 0);
    objects->early->count--;
    od_list_remove(&client->link);
    od_bytes_deinit(&client->body);
    free(client);
}

static void refuse(struct od_objects *objects, struct client *client)
{
    od_arrival_refuse(objects, client->place, od_bytes_slice(&client->body), client->fd);
    end(objects, client);
}

static void on_time(struct od_timer *timer)
{
    struct od_objects *objects = OD_TIMER_MEMBER(timer, struct od_early, timer)->objects;
    od_time_ms now_ms = od_clock_monotonic_ms();
    OD_LIST_EACH_SAFE (link, &objects->early->all) {
        struct client *client = OD_LIST_MEMBER(link, struct client, link);
        if (client->until_ms > now_ms) {
            od_timers_set(objects->timers, timer, client->until_ms);
            return;
        }
        refuse(objects, client);
    }
}

static bool may_wait(const struct od_objects *objects, const struct client *client)
{
    return objects->early->count < OD_EARLY_MAX && !objects->is_draining && !objects->is_leaving &&
           client->from != UINT32_MAX && may_come(objects, client) && !OD_FAULT("early.refuse");
}

static void put(struct od_objects *objects, const struct client *early, od_slice body)
{
    struct client *client = od_allocate(sizeof *client);
    OD_ASSERT(early->fd >= 0);
    *client = *early;
    client->until_ms = od_clock_monotonic_ms() + OD_EARLY_MS_MAX;
    od_bytes_put_slice(&client->body, body);
    od_list_init(&client->link);
    od_list_push_back(&objects->early->all, &client->link);
    objects->early->count++;
    if (!od_timer_is_set(&objects->early->timer))
        od_timers_set(objects->timers, &objects->early->timer, client->until_ms);
}

void od_early_arrive(struct od_objects *objects, uint32_t place, od_slice body, int fd)
{
    struct client client = {.place = place, .fd = fd};
    OD_ASSERT(od_places_are_workers(objects, place));
    if (od_arrival_attach(objects, place, body, fd))
        return;
    if (fd >= 0 && read(body, &client) && may_wait(objects, &client))
        put(objects, &client, body);
    else
        od_arrival_refuse(objects, place, body, fd);
}

static bool attach(struct od_objects *objects, const struct client *client)
{
    return od_arrival_attach(objects, client->place, od_bytes_slice(&client->body), client->fd);
}

static void welcome(struct od_objects *objects, struct client *client)
{
    bool is_lost = client->place != objects->worker && objects->peers[client->place] == NULL;
    bool is_here = od_places_are_own(objects, client->slot);
    if (!is_lost && is_here && attach(objects, client))
        end(objects, client);
    else if (is_lost || is_here || !may_come(objects, client))
        refuse(objects, client);
}

void od_early_welcome(struct od_objects *objects)
{
    OD_ASSERT(objects->places.is_cluster);
    OD_LIST_EACH_SAFE (link, &objects->early->all)
        welcome(objects, OD_LIST_MEMBER(link, struct client, link));
}

void od_early_init(struct od_early *early, struct od_objects *objects)
{
    *early = (struct od_early){.objects = objects};
    objects->early = early;
    od_list_init(&objects->early->all);
    objects->early->timer.fire = on_time;
}

void od_early_deinit(struct od_objects *objects)
{
    OD_LIST_EACH_SAFE (link, &objects->early->all)
        refuse(objects, OD_LIST_MEMBER(link, struct client, link));
    od_timers_clear(objects->timers, &objects->early->timer);
    OD_ASSERT(objects->early->count == 0);
}
