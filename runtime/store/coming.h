// Objects whose writes are on their way: LMDB may not show yet that they have something stored, and
// so the directory may not have them. By the place that they have there, or will have.
//
// A list that goes through the directory in pages takes them along, so that it meets each once,
// whenever the directory gets it.
//
// Process: workers. Good until the end of the turn. Owner: od_coming_deinit.

#ifndef OD_STORE_COMING_H
#define OD_STORE_COMING_H

#include "store/storage.h"

#define OD_PLACE_BYTES (2 + OD_ID_BYTES) // Of the directory: slot and id.

struct od_store;

struct od_coming_object {
    char place[OD_PLACE_BYTES];
    struct od_storage *storage;
};

struct od_coming {
    struct od_coming_object *all; // In the order of the directory.
    size_t count, capacity;
};

void od_coming_gather(struct od_coming *coming, struct od_store *store); // Zeroed memory.
void od_coming_deinit(struct od_coming *coming);

bool od_coming_has(const struct od_coming *coming, const struct od_storage *storage);

// The first that stands behind the place [after] (empty: of all); NULL: there is none.
const struct od_coming_object *od_coming_behind(const struct od_coming *coming, od_slice after);

#endif
