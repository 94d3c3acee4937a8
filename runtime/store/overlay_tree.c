#include "store/overlay_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "store/limits.h"

typedef struct od_overlay_entry entry;

od_slice od_overlay_key(const entry *of)
{
    return (od_slice){of->bytes, of->key_size};
}

od_slice od_overlay_value(const entry *of)
{
    return (od_slice){of->bytes + of->key_size, of->value_size};
}

entry *od_overlay_tree_entry(struct od_overlay *overlay, struct od_slab *slab, od_slice key,
                             od_slice value, size_t capacity)
{
    OD_ASSERT(value.size <= capacity);
    static uint64_t count; // Priorities need no secret: they do not depend on the keys.
    uint64_t number;
    bool is_small = key.size + capacity <= OD_STORE_SMALL_BYTES;
    entry *new =
        is_small ? od_slab_take(slab, &number) : od_allocate(sizeof *new + key.size + capacity);
    *new = (entry){.slab = is_small ? slab : NULL};
    od_list_init(&new->sealed);
    new->overlay = overlay;
    new->priority = (uint32_t)od_map_hash_u64(++count);
    new->key_size = (uint32_t)key.size;
    new->value_size = (uint32_t)value.size;
    if (key.size > 0)
        memcpy(new->bytes, key.at, key.size);
    if (value.size > 0)
        memcpy(new->bytes + key.size, value.at, value.size);
    return new;
}

void od_overlay_tree_drop(entry *old)
{
    if (old->slab != NULL)
        od_slab_give(old->slab, old);
    else
        free(old);
}

// The place in the tree that holds [key], or where its search ends.
static entry **place_of(entry **root, od_slice key)
{
    while (*root != NULL) {
        int order = od_slice_compare(key, od_overlay_key(*root));
        if (order == 0)
            break;
        root = order < 0 ? &(*root)->left : &(*root)->right;
    }
    return root;
}

entry *od_overlay_tree_find(entry *root, od_slice key)
{
    return *place_of(&root, key);
}

entry *od_overlay_tree_from(entry *at, od_slice key, bool inclusive)
{
    entry *best = NULL;
    while (at != NULL) {
        int order = od_slice_compare(od_overlay_key(at), key);
        bool is_in = order > 0 || (order == 0 && inclusive);
        best = is_in ? at : best;
        at = is_in ? at->left : at->right;
    }
    return best;
}

// Everything in [at] goes to [before] or [behind] [key], which is not in it.
static void split(entry *at, od_slice key, entry **before, entry **behind)
{
    while (at != NULL) {
        if (od_slice_compare(od_overlay_key(at), key) < 0) {
            *before = at;
            before = &at->right;
            at = at->right;
        } else {
            *behind = at;
            behind = &at->left;
            at = at->left;
        }
    }
    *before = *behind = NULL;
}

entry *od_overlay_tree_before(entry *root, const od_slice *key)
{
    entry *best = NULL, *at = root;
    while (at != NULL) {
        bool is_in = key == NULL || od_slice_compare(od_overlay_key(at), *key) < 0;
        best = is_in ? at : best;
        at = is_in ? at->right : at->left;
    }
    return best;
}

entry *od_overlay_tree_next(entry *root, od_slice key, bool reverse)
{
    return reverse ? od_overlay_tree_before(root, &key) : od_overlay_tree_from(root, key, false);
}

void od_overlay_tree_insert(entry **place, entry *new)
{
    OD_ASSERT(new->left == NULL);
    OD_ASSERT(new->right == NULL);
    od_slice key = od_overlay_key(new);
    while (*place != NULL && (*place)->priority >= new->priority) {
        bool is_before = od_slice_compare(key, od_overlay_key(*place)) < 0;
        place = is_before ? &(*place)->left : &(*place)->right;
    }
    split(*place, key, &new->left, &new->right);
    *place = new;
}

void od_overlay_tree_exchange(entry **root, entry *old, entry *with)
{
    entry **place = place_of(root, od_overlay_key(old));
    OD_ASSERT(*place == old);
    with->left = old->left;
    with->right = old->right;
    with->priority = old->priority;
    *place = with;
}

void od_overlay_tree_erase(entry **root, entry *old)
{
    entry **place = place_of(root, od_overlay_key(old));
    OD_ASSERT(*place == old);
    entry *left = old->left, *right = old->right;
    while (left != NULL && right != NULL) {
        if (left->priority > right->priority) {
            *place = left;
            place = &left->right;
            left = left->right;
        } else {
            *place = right;
            place = &right->left;
            right = right->left;
        }
    }
    *place = left != NULL ? left : right;
}

entry *od_overlay_give_back(const entry *top)
{
    entry *old = top->replaced;
    if (old == NULL)
        return NULL;
    OD_ASSERT(old->is_replaced);
    old->is_replaced = false;
    if (!old->is_stale)
        return old;
    od_overlay_tree_drop(old);
    return NULL;
}

void od_overlay_tree_free(entry *root)
{
    if (root == NULL)
        return;
    od_overlay_tree_free(root->left);
    od_overlay_tree_free(root->right);
    od_list_remove(&root->sealed);
    od_overlay_tree_drop(root);
}
