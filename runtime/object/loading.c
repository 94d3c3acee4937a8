#include "object/loading.h"

#include <string.h>

#include "link/link.h"
#include "object/object.h"
#include "object/objects.h"

bool od_loading_is_done(const struct od_object *object)
{
    const struct od_objects *objects = object->objects;
    if (!objects->places.is_cluster || od_object_is_entry(object) || object->is_loaded)
        return true;
    return !objects->places.is_filling[od_slot_of_id(object->identity.id)];
}

void od_loading_ask(struct od_object *object)
{
    struct od_objects *objects = object->objects;
    if (od_loading_is_done(object) || object->is_wanted)
        return;
    OD_ASSERT(objects->places.is_cluster);
    object->is_wanted = true;
    od_link_send(objects->main, OD_KIND_OBJECT_WANTED,
                 (od_slice){(const char *)object->identity.id, OD_ID_BYTES}, -1);
}

void od_loading_forget(struct od_object *object)
{
    OD_ASSERT(!od_object_is_entry(object));
    object->is_loaded = object->is_wanted = false;
    od_storage_moved(&object->storage);
}

void od_loading_receive(struct od_objects *objects, const uint8_t *id)
{
    od_id sought;
    memcpy(sought.bytes, id, OD_ID_BYTES);
    struct od_object *object = od_objects_find(objects, &sought);
    if (object == NULL || !od_places_may_run(object)) // Its slot has gone meanwhile.
        return;
    object->is_loaded = true;
    object->is_wanted = false;
    od_storage_moved(&object->storage);
    od_object_settle(object);
}
