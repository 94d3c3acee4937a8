#include "object/refusal.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

struct od_refusal {
    struct od_list link;
    struct od_objects *objects;
    struct od_timer timer;
    uint8_t id[OD_ID_BYTES];
    bool hears_no_close;
    struct od_bytes why;
};

static void set(struct od_objects *objects, const uint8_t *bytes, struct od_refusal *refusal)
{
    OD_ASSERT(refusal == NULL || refusal->objects == objects);
    od_id id;
    memcpy(id.bytes, bytes, OD_ID_BYTES);
    struct od_object *object = od_objects_find(objects, &id);
    if (object == NULL)
        return;
    object->refusal = refusal;
    od_object_settle(object);
}

static void end(struct od_refusal *refusal)
{
    od_timers_clear(refusal->objects->timers, &refusal->timer);
    od_list_remove(&refusal->link);
    set(refusal->objects, refusal->id, NULL);
    od_bytes_deinit(&refusal->why);
    free(refusal);
}

static void time_is_over(struct od_timer *timer)
{
    end(OD_TIMER_MEMBER(timer, struct od_refusal, timer));
}

void od_refusal_receive(struct od_objects *objects, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    od_slice id = od_cursor_bytes(&cursor, OD_ID_BYTES);
    uint32_t ms = od_cursor_u32(&cursor);
    bool hears_no_close = od_cursor_u8(&cursor) != 0;
    od_slice why = od_cursor_string(&cursor);
    if (cursor.failed)
        return;
    struct od_refusal *refusal = od_allocate_zeroed(sizeof *refusal);
    refusal->objects = objects;
    refusal->timer.fire = time_is_over;
    refusal->hears_no_close = hears_no_close;
    memcpy(refusal->id, id.at, OD_ID_BYTES);
    od_bytes_put_slice(&refusal->why, why);
    od_list_init(&refusal->link);
    od_list_push_back(&objects->refusals, &refusal->link);
    od_timers_set(objects->timers, &refusal->timer, od_clock_monotonic_ms() + ms);
    set(objects, refusal->id, refusal);
}

void od_refusals_deinit(struct od_objects *objects)
{
    OD_LIST_EACH_SAFE (link, &objects->refusals)
        end(OD_LIST_MEMBER(link, struct od_refusal, link));
}

struct od_refusal *od_refusal_find(const struct od_objects *objects, const uint8_t *id)
{
    OD_LIST_EACH (link, &objects->refusals) {
        struct od_refusal *refusal = OD_LIST_MEMBER(link, struct od_refusal, link);
        if (memcmp(refusal->id, id, OD_ID_BYTES) == 0)
            return refusal;
    }
    return NULL;
}

bool od_refusal_hears_no_close(const struct od_refusal *refusal)
{
    return refusal != NULL && refusal->hears_no_close;
}

od_slice od_refusal_why(const struct od_refusal *refusal)
{
    OD_ASSERT(refusal != NULL);
    return od_bytes_slice(&refusal->why);
}
