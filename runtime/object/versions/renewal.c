#include "object/versions/renewal.h"

#include "object/versions/leftovers.h"

void od_renewal_begin(struct od_objects *objects)
{
    OD_ASSERT(objects->script != NULL);
    objects->renewal.is_on = true;
    objects->renewal.place = 0;
}

static void renew(struct od_map_node *node, void *context)
{
    struct od_object *object = OD_MAP_MEMBER(node, struct od_object, by_id);
    OD_ASSERT(object->running == NULL);
    OD_ASSERT(object->objects == context);
    od_leftovers_visit(object);
    od_object_renew(object);
}

bool od_renewal_turn(struct od_objects *objects)
{
    if (!objects->renewal.is_on)
        return false;
    int64_t ends_us = od_clock_passed_us() + OD_RENEWAL_TURN_US;
    do {
        objects->renewal.place =
            od_map_visit(&objects->by_id, objects->renewal.place, renew, objects);
        objects->renewal.is_on = objects->renewal.place != 0;
    } while (objects->renewal.is_on && od_clock_passed_us() < ends_us);
    return objects->renewal.is_on;
}
