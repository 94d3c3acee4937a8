// What one object has written and LMDB does not show yet: an ordered tree of keys over its rows.
//
// An entry holds the newest value of a key, or that it is deleted. While a stretch is open its
// entries form a stack, and each keeps the entry it replaced, so that writes can be taken back from
// the top. Sealed entries also hang in the store's list, oldest first, until "applied" removes
// them.
//
// A deleteAll is a *mark*: an entry outside the tree that hides all of LMDB. What the tree held
// is deleted key by key, so that it too can come back. Alarms have a tree of their own, by their
// names.
//
// A transaction can keep its stretch open over turns. So LMDB may come to show a sealed entry that
// an open one has replaced: it leaves the list and stays with that one, *stale*. If the open one is
// taken back, nothing takes its place, as LMDB says the same.
//
// Pages of the object's database have a tree of their own (overlay_pages.c). A page that is written
// again in an open stretch is overwritten in place: whoever writes pages has its own way back, and
// here they are only taken back all at once.
//
// Private to the layer. Owner: the storage; there is none while it would be empty.

#ifndef OD_STORE_OVERLAY_H
#define OD_STORE_OVERLAY_H

#include "base/bytes.h"
#include "store/batch.h"
#include "store/overlay_tree.h"

struct od_overlay {
    struct od_storage *storage;
    struct od_slab *entries; // The small ones; the store's.
    struct od_overlay_entry *root;
    struct od_overlay_entry *delete_all_mark; // NULL: LMDB is to be seen.
    struct od_overlay_entry *alarms;          // The root of their tree; values are rows.
    struct od_overlay_entry *open;            // The newest.
    uint64_t open_count;
    struct od_overlay_entry *pages;     // The root of their tree.
    struct od_overlay_entry *open_page; // The newest.
    uint64_t open_page_count;           // Effects have to wait for them.
    struct od_bytes batch;              // Of the open stretch, without its pages.
    bool batch_is_confirmed;            // Effects have to wait for it.
};

struct od_overlay *od_overlay_new(struct od_storage *storage, struct od_slab *entries);
void od_overlay_free(struct od_overlay *overlay); // With all entries.
bool od_overlay_is_empty(const struct od_overlay *overlay);
bool od_overlay_has_value(const struct od_overlay *overlay); // Also an alarm or a page. NULL: no.

struct od_overlay_entry *od_overlay_find(const struct od_overlay *overlay, od_slice key);
struct od_overlay_entry *od_overlay_find_alarm(const struct od_overlay *overlay, od_slice name);

// The open stretch. Operations must have been put into [batch] after the entry; bytes are copied.
void od_overlay_write(struct od_overlay *overlay, od_slice key,
                      const od_slice *value); // NULL: gone.
void od_overlay_write_alarm(struct od_overlay *overlay, od_slice name, const od_slice *row);
void od_overlay_delete_all(struct od_overlay *overlay);
void od_overlay_take_back(struct od_overlay *overlay, uint64_t open_count); // Down to that many.
void od_overlay_seal(struct od_overlay *overlay, od_seq seq, struct od_list *sealed);

// Pages. [bytes] are OD_STORE_PAGE_BYTES; NULL: gone.
struct od_overlay_entry *od_overlay_find_page(const struct od_overlay *overlay, uint32_t page);
uint32_t od_overlay_page_number(const struct od_overlay_entry *entry);
void od_overlay_write_page(struct od_overlay *overlay, uint32_t page, const char *bytes);
void od_overlay_take_back_pages(struct od_overlay *overlay); // All that are open.
void od_overlay_hide_pages(struct od_overlay *overlay);      // A deleteAll: all are gone.
// The newest open page is sealed with [value] in its place (NULL: gone), or, as nothing in it has
// changed, taken back.
void od_overlay_seal_page(struct od_overlay *overlay, const od_slice *value, od_seq seq,
                          struct od_list *sealed);
void od_overlay_take_back_page(struct od_overlay *overlay);

// One entry of a stretch that is sealed, when what replaced it has been.
void od_overlay_seal_entry(struct od_overlay_entry *entry, od_seq seq, struct od_list *sealed);

// A sealed entry that LMDB shows now.
void od_overlay_remove(struct od_overlay_entry *entry);

#endif
