#include "object/crons.h"

#include "object/names/route.h"

void od_crons_wake(struct od_objects *objects, const bool *came)
{
    od_slice name = OD_SLICE("script");
    struct od_namespace *namespace = od_objects_namespace(objects, OD_SLICE(OD_CRONS_NAMESPACE));
    if (namespace == NULL || !od_objects_serve(objects, namespace))
        return;
    od_id id = od_id_of_name(&namespace->key, name);
    if (came != NULL && !came[od_slot_of_id(id.bytes)])
        return;
    if (od_places_of(objects, &id) != objects->worker)
        return; // Or not yet: od_slots_receive comes back to it.
    struct od_object *object = od_objects_get(objects, namespace, &id, true, name);
    object->must_wake = true;
    od_object_settle(object);
}
