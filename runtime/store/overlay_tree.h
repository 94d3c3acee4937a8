// The entries of an overlay, and the tree they stand in: a treap, ordered by key, a heap by random
// priorities, so its depth stays logarithmic whatever order keys come in. An overlay has one for
// keys and one for pages.
//
// Private to the layer. Owner: the overlay owns the entries.

#ifndef OD_STORE_OVERLAY_TREE_H
#define OD_STORE_OVERLAY_TREE_H

#include "base/list.h"
#include "base/slab.h"
#include "base/slice.h"
#include "store/batch.h"

struct od_overlay;

struct od_overlay_entry {
    struct od_list sealed;             // In the store's list.
    struct od_overlay_entry *left;     // In the tree.
    struct od_overlay_entry *right;    // In the tree.
    struct od_overlay_entry *below;    // In the stack of the open stretch.
    struct od_overlay_entry *replaced; // While open: what comes back if this one is taken back.
    struct od_overlay *overlay;
    struct od_slab *slab; // Whose block it is; NULL: it is too large for one.
    od_seq seq;           // 0 while open.
    uint32_t priority;
    uint32_t key_size;
    uint32_t value_size;
    uint32_t batch_size; // Of the open batch, before this was written.
    bool was_confirmed;  // The open batch, before this was written.
    bool is_deleted;
    bool is_delete_all_mark;
    bool is_alarm;    // Its key is a name, its value a row.
    bool is_page;     // Its value is squeezed once it is sealed.
    bool is_replaced; // By an entry of the open stretch.
    bool is_stale;    // LMDB shows it.
    char bytes[];     // Key, value.
};

od_slice od_overlay_key(const struct od_overlay_entry *entry);
od_slice od_overlay_value(const struct od_overlay_entry *entry);

// In no tree yet; [capacity] bytes of room for the value, which is copied. A small one is a block
// of [slab], of sizeof(struct od_overlay_entry) + OD_STORE_SMALL_BYTES.
struct od_overlay_entry *od_overlay_tree_entry(struct od_overlay *overlay, struct od_slab *slab,
                                               od_slice key, od_slice value, size_t capacity);
void od_overlay_tree_drop(struct od_overlay_entry *entry); // In no tree any more. Frees it.
struct od_overlay_entry *od_overlay_tree_find(struct od_overlay_entry *root, od_slice key);

// The first entry behind [key], or at it when [inclusive].
struct od_overlay_entry *od_overlay_tree_from(struct od_overlay_entry *root, od_slice key,
                                              bool inclusive);
// The last entry before [key], or of all without a key; the neighbour of [key] in the direction of
// a list. NULL: none.
struct od_overlay_entry *od_overlay_tree_before(struct od_overlay_entry *root, const od_slice *key);
struct od_overlay_entry *od_overlay_tree_next(struct od_overlay_entry *root, od_slice key,
                                              bool reverse);
void od_overlay_tree_insert(struct od_overlay_entry **root, struct od_overlay_entry *entry);

// Puts [with] where [old] is; their keys are the same.
void od_overlay_tree_exchange(struct od_overlay_entry **root, struct od_overlay_entry *old,
                              struct od_overlay_entry *with);
void od_overlay_tree_erase(struct od_overlay_entry **root, struct od_overlay_entry *old);
void od_overlay_tree_free(struct od_overlay_entry *root); // With all entries.

// What [top] had replaced, which is free to be found again. NULL: nothing, or something LMDB shows
// by now.
struct od_overlay_entry *od_overlay_give_back(const struct od_overlay_entry *top);

#endif
