#include "cluster/known.h"

#include <string.h>

#include "base/check.h"
#include "base/slice.h"

_Static_assert((OD_CLUSTER_KNOWN_MAX & (OD_CLUSTER_KNOWN_MAX - 1)) == 0,
               "an index is a hash's end");

// The one place where it can be.
static size_t index_of(const uint8_t id[OD_ID_BYTES])
{
    return od_slice_hash((od_slice){(const char *)id, OD_ID_BYTES}) & (OD_CLUSTER_KNOWN_MAX - 1);
}

bool od_known_has(const struct od_known *known, const uint8_t id[OD_ID_BYTES])
{
    const struct od_known_object *object = &known->objects[index_of(id)];
    return object->is_there && memcmp(object->id, id, OD_ID_BYTES) == 0;
}

void od_known_put(struct od_known *known, const uint8_t id[OD_ID_BYTES])
{
    struct od_known_object *object = &known->objects[index_of(id)];
    object->is_there = true;
    memcpy(object->id, id, OD_ID_BYTES);
    OD_ASSERT(od_known_has(known, id));
}

void od_known_remove(struct od_known *known, const uint8_t id[OD_ID_BYTES])
{
    if (od_known_has(known, id))
        known->objects[index_of(id)].is_there = false;
    OD_ASSERT(!od_known_has(known, id));
}

void od_known_clear(struct od_known *known)
{
    for (size_t i = 0; i < OD_CLUSTER_KNOWN_MAX; i++)
        known->objects[i].is_there = false;
}
