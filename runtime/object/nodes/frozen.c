#include "object/nodes/frozen.h"

#include "object/inbox.h"

// Objects with something to handle are among the ready.
void od_frozen_refuse(struct od_objects *objects)
{
    struct od_list waiting, *link;
    od_list_init(&waiting);
    od_list_move_all(&waiting, &objects->ready);
    while ((link = od_list_pop_front(&waiting)) != NULL) {
        struct od_object *object = OD_LIST_MEMBER(link, struct od_work, ready)->object;
        od_inbox_give_up(object, OD_SLICE("the engine of the cluster does not answer"));
        od_object_settle(object);
    }
}
