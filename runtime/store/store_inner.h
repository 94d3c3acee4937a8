// What store.c, storage.c and listing.c ask of each other. Private to the layer.

#ifndef OD_STORE_STORE_INNER_H
#define OD_STORE_STORE_INNER_H

#include "store/keys.h"
#include "store/overlay.h"
#include "store/range.h"
#include "store/storage.h"
#include "store/store.h"

// Adds a finished batch to the turn; returns the submission it is part of.
od_seq od_store_add_batch(struct od_store *store, od_slice batch);

void od_storage_entry_applied(struct od_overlay_entry *entry); // LMDB shows it now.
void od_storage_forget(struct od_storage *storage);            // All over LMDB, open and sealed.

// The beginning of a write: there is an overlay, and a stretch is open.
void od_storage_begin_stretch(struct od_storage *storage);

// Puts the pages of the stretch, which is being sealed as part of the submission [seq], into its
// batch.
void od_storage_seal_pages(struct od_storage *storage, od_seq seq);
void od_storage_close_pager(struct od_storage *storage); // What it has read is no longer true.
void od_storage_forget_marks(struct od_storage *storage, enum od_mark_kind kind); // It is written.

// Whether LMDB has rows that are this object's to see. Only its own writes can change the answer.
bool od_storage_has_rows(struct od_storage *storage);
void od_storage_note_failure(struct od_storage *storage); // After reading from LMDB.

// The rows LMDB may show of it.
void od_storage_walk(struct od_storage *storage, enum od_row_kind kind,
                     const struct od_bounds *bounds, bool reverse,
                     bool (*visit)(void *context, od_slice key, od_slice value), void *context);

#endif
