#include "object/label.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "object/object.h"
#include "object/objects.h"
#include "store/store.h"

char *od_label_new(od_slice namespace_name, const od_id *id, bool has_name, od_slice name)
{
    char *label = NULL;
    char hex[OD_ID_TEXT_BYTES + 1];
    od_id_format(id, hex);
    int size =
        has_name ? asprintf(&label, "%.*s/%.*s", (int)namespace_name.size, namespace_name.at,
                            (int)name.size, name.at)
                 : asprintf(&label, "%.*s/%.12s", (int)namespace_name.size, namespace_name.at, hex);
    OD_ASSERT(size >= 0);
    return label;
}

void od_object_set_name(struct od_object *object, od_slice name)
{
    OD_ASSERT(!object->identity.has_name);
    char *copy = od_allocate(name.size);
    if (name.size > 0)
        memcpy(copy, name.at, name.size);
    object->identity.name = (od_slice){copy, name.size};
    object->identity.has_name = true;
}

bool od_object_name(struct od_object *object, od_slice *name)
{
    struct od_identity stored;
    if (!object->identity.has_name &&
        od_store_identity_of(object->objects->store, object->identity.id, &stored) &&
        stored.has_name)
        od_object_set_name(object, stored.name);
    *name = object->identity.name;
    return object->identity.has_name;
}

od_id od_object_id(const struct od_object *object)
{
    od_id id;
    memcpy(id.bytes, object->identity.id, OD_ID_BYTES);
    return id;
}
