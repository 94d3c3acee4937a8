// What store.c, storage.c and listing.c ask of each other. Private to the layer.

#ifndef OD_STORE_STORE_INNER_H
#define OD_STORE_STORE_INNER_H

#include "store/overlay.h"
#include "store/range.h"
#include "store/storage.h"
#include "store/store.h"

// Adds a finished batch to the turn; returns the submission it is part of.
od_seq od_store_add_batch(struct od_store *store, od_slice batch);

void od_storage_entry_applied(struct od_overlay_entry *entry); // LMDB shows it now.
void od_storage_forget(struct od_storage *storage);            // All over LMDB, open and sealed.

// The rows LMDB may show of it.
void od_storage_walk(struct od_storage *storage, const struct od_bounds *bounds, bool reverse,
                     bool (*visit)(void *context, od_slice key, od_slice value), void *context);

#endif
