// A turn, as all objects of a worker share it: the part of objects.h about time.

#include "object/objects.h"

#include "object/limits.h"

void od_objects_begin_turn(struct od_objects *objects, bool may_run)
{
    OD_ASSERT(!objects->handles_at_once);
    objects->turn++;
    objects->now_us = od_objects_arrival_us(objects);
    objects->turn_ends_us = objects->now_us + OD_TURN_US_MAX;
    objects->handles_at_once = may_run;
}

void od_objects_end_reading(struct od_objects *objects)
{
    objects->handles_at_once = false;
    od_object_settle_last(objects);
}

bool od_objects_deliver(struct od_objects *objects)
{
    OD_ASSERT(!objects->handles_at_once);
    if (od_list_is_empty(&objects->ready))
        return false;
    struct od_list turn;
    od_list_init(&turn);
    objects->now_us = od_clock_passed_us();
    od_list_move_all(&turn, &objects->ready);
    struct od_list *link;
    while (objects->now_us < objects->turn_ends_us && (link = od_list_pop_front(&turn)) != NULL)
        od_object_deliver(OD_LIST_MEMBER(link, struct od_work, ready)->object);
    od_list_move_all(&turn, &objects->ready); // Those that had no go are first in the next turn.
    od_list_move_all(&objects->ready, &turn);
    return !od_list_is_empty(&objects->ready);
}

int64_t od_objects_arrival_us(struct od_objects *objects)
{
    if (objects->arrival_us < 0)
        return od_clock_passed_us();
    if (objects->arrival_us == 0)
        objects->arrival_us = od_clock_passed_us();
    return objects->arrival_us;
}

int64_t od_objects_deadline_us(const struct od_objects *objects)
{
    int64_t limit_us = objects->event_limit_ms * 1000;
    int64_t reserve_us = limit_us / OD_EVENT_RESERVE_PART;
    return limit_us == 0 ? INT64_MAX : objects->event_began_us + limit_us - reserve_us;
}
