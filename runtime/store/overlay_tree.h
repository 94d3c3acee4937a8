// The tree of an overlay: a treap, ordered by key, a heap by random priorities, so its depth stays
// logarithmic whatever order keys come in. An overlay has one for keys and one for pages.
//
// Private to overlay.c and overlay_pages.c. Owner: the overlay owns the entries.

#ifndef OD_STORE_OVERLAY_TREE_H
#define OD_STORE_OVERLAY_TREE_H

#include "store/overlay.h"

// In no tree yet; [capacity] bytes of room for the value, which is copied.
struct od_overlay_entry *od_overlay_tree_entry(struct od_overlay *overlay, od_slice key,
                                               od_slice value, size_t capacity);
struct od_overlay_entry *od_overlay_tree_find(struct od_overlay_entry *root, od_slice key);

// The first entry behind [key], or at it when [inclusive].
struct od_overlay_entry *od_overlay_tree_from(struct od_overlay_entry *root, od_slice key,
                                              bool inclusive);
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
