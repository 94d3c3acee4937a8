#include "store/coming.h"

#include <stdlib.h>
#include <string.h>

#include "store/slot.h"
#include "store/store.h"

static void set_place(char place[OD_PLACE_BYTES], const struct od_storage *storage)
{
    const uint8_t *id = storage->identity->id;
    od_slot slot = od_slot_of_id(id);
    place[0] = (char)(slot >> 8);
    place[1] = (char)slot;
    memcpy(place + 2, id, OD_ID_BYTES);
}

static void note(void *context, struct od_storage *storage)
{
    struct od_coming *coming = context;
    OD_ASSERT(storage->identity != NULL);
    if (!od_storage_has_anything(storage))
        return;
    if (coming->count == coming->capacity)
        coming->all = od_grow(coming->all, &coming->capacity, sizeof *coming->all);
    struct od_coming_object *noted = &coming->all[coming->count++];
    noted->storage = storage;
    set_place(noted->place, storage);
}

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct od_coming_object *)a)->place,
                  ((const struct od_coming_object *)b)->place, OD_PLACE_BYTES);
}

void od_coming_gather(struct od_coming *coming, struct od_store *store)
{
    OD_ASSERT(coming->count == 0);
    od_store_walk_coming(store, note, coming);
    if (coming->count == 0)
        return;
    qsort(coming->all, coming->count, sizeof *coming->all, compare);
    size_t kept = 1; // One with many writes was noted for some of them.
    for (size_t i = 1; i < coming->count; i++) {
        if (coming->all[i].storage != coming->all[kept - 1].storage)
            coming->all[kept++] = coming->all[i];
    }
    coming->count = kept;
}

void od_coming_deinit(struct od_coming *coming)
{
    free(coming->all);
    *coming = (struct od_coming){NULL, 0, 0};
}

bool od_coming_has(const struct od_coming *coming, const struct od_storage *storage)
{
    struct od_coming_object sought;
    set_place(sought.place, storage);
    return coming->count > 0 &&
           bsearch(&sought, coming->all, coming->count, sizeof sought, compare) != NULL;
}

static bool is_behind(const struct od_coming_object *coming, od_slice after)
{
    size_t size = after.size < OD_PLACE_BYTES ? after.size : OD_PLACE_BYTES;
    int order = size == 0 ? 0 : memcmp(coming->place, after.at, size);
    return order > 0 || (order == 0 && after.size < OD_PLACE_BYTES);
}

const struct od_coming_object *od_coming_behind(const struct od_coming *coming, od_slice after)
{
    size_t first = 0, end = coming->count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (is_behind(&coming->all[middle], after))
            end = middle;
        else
            first = middle + 1;
    }
    OD_ASSERT(first <= coming->count);
    return first < coming->count ? &coming->all[first] : NULL;
}
