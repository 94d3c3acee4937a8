#include "store/overlay.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

typedef struct od_overlay_entry entry;

struct od_overlay *od_overlay_new(struct od_storage *storage)
{
    struct od_overlay *overlay = od_allocate_zeroed(sizeof *overlay);
    overlay->storage = storage;
    return overlay;
}

bool od_overlay_is_empty(const struct od_overlay *overlay)
{
    return overlay->root == NULL && overlay->curtain == NULL && overlay->alarm == NULL &&
           overlay->open == NULL;
}

od_slice od_overlay_key(const entry *of)
{
    return (od_slice){of->bytes, of->key_size};
}

od_slice od_overlay_value(const entry *of)
{
    return (od_slice){of->bytes + of->key_size, of->value_size};
}

// --- Looking -------------------------------------------------------------------------------------

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

entry *od_overlay_find(const struct od_overlay *overlay, od_slice key)
{
    entry *root = overlay->root;
    return *place_of(&root, key);
}

// The first entry behind [key], or at it when [inclusive].
static entry *first_from(entry *at, od_slice key, bool inclusive)
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

entry *od_overlay_from(const struct od_overlay *overlay, od_slice key)
{
    return first_from(overlay->root, key, true);
}

entry *od_overlay_before(const struct od_overlay *overlay, const od_slice *key)
{
    entry *best = NULL, *at = overlay->root;
    while (at != NULL) {
        bool is_in = key == NULL || od_slice_compare(od_overlay_key(at), *key) < 0;
        best = is_in ? at : best;
        at = is_in ? at->right : at->left;
    }
    return best;
}

entry *od_overlay_next(const struct od_overlay *overlay, od_slice key, bool reverse)
{
    return reverse ? od_overlay_before(overlay, &key) : first_from(overlay->root, key, false);
}

// --- The tree ------------------------------------------------------------------------------------

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

static void insert(struct od_overlay *overlay, entry *new)
{
    od_slice key = od_overlay_key(new);
    entry **place = &overlay->root;
    while (*place != NULL && (*place)->priority >= new->priority) {
        bool is_before = od_slice_compare(key, od_overlay_key(*place)) < 0;
        place = is_before ? &(*place)->left : &(*place)->right;
    }
    split(*place, key, &new->left, &new->right);
    *place = new;
}

// Puts [with] where [old] is; their keys are the same.
static void exchange(struct od_overlay *overlay, entry *old, entry *with)
{
    entry **place = place_of(&overlay->root, od_overlay_key(old));
    OD_ASSERT(*place == old);
    with->left = old->left;
    with->right = old->right;
    with->priority = old->priority;
    *place = with;
}

static void erase(struct od_overlay *overlay, entry *old)
{
    entry **place = place_of(&overlay->root, od_overlay_key(old));
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

// --- The open stretch ----------------------------------------------------------------------------

static entry *new_entry(struct od_overlay *overlay, od_slice key, od_slice value)
{
    static uint64_t count; // Priorities need no secret: they do not depend on the keys.
    entry *new = od_allocate_zeroed(sizeof *new + key.size + value.size);
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

static void push_open(struct od_overlay *overlay, entry *new, entry *replaced)
{
    new->replaced = replaced;
    if (replaced != NULL)
        replaced->is_replaced = true;
    new->batch_size = (uint32_t)overlay->batch.size;
    new->was_confirmed = overlay->batch_is_confirmed;
    new->below = overlay->open;
    overlay->open = new;
    overlay->open_count++;
}

void od_overlay_write(struct od_overlay *overlay, od_slice key, const od_slice *value)
{
    entry *new = new_entry(overlay, key, value != NULL ? *value : (od_slice){NULL, 0});
    new->is_deleted = value == NULL;
    entry *old = od_overlay_find(overlay, key);
    if (old != NULL)
        exchange(overlay, old, new);
    else
        insert(overlay, new);
    push_open(overlay, new, old);
}

void od_overlay_write_alarm(struct od_overlay *overlay, const od_slice *value)
{
    od_slice nothing = {NULL, 0};
    entry *new = new_entry(overlay, nothing, value != NULL ? *value : nothing);
    new->is_alarm = true;
    new->is_deleted = value == NULL;
    push_open(overlay, new, overlay->alarm);
    overlay->alarm = new;
}

void od_overlay_draw_curtain(struct od_overlay *overlay)
{
    entry *each = od_overlay_from(overlay, (od_slice){NULL, 0});
    while (each != NULL) {
        od_overlay_write(overlay, od_overlay_key(each), NULL);
        each = od_overlay_next(overlay, od_overlay_key(each), false);
    }
    if (overlay->alarm != NULL)
        od_overlay_write_alarm(overlay, NULL);
    entry *curtain = new_entry(overlay, (od_slice){NULL, 0}, (od_slice){NULL, 0});
    curtain->is_curtain = true;
    push_open(overlay, curtain, overlay->curtain);
    overlay->curtain = curtain;
}

// What [top] had replaced. NULL: nothing, or something LMDB shows by now.
static entry *give_back(const entry *top)
{
    entry *old = top->replaced;
    if (old == NULL)
        return NULL;
    old->is_replaced = false;
    if (!old->is_stale)
        return old;
    free(old);
    return NULL;
}

static void take_back(struct od_overlay *overlay, entry *top)
{
    entry *old = give_back(top);
    if (top->is_curtain)
        overlay->curtain = old;
    else if (top->is_alarm)
        overlay->alarm = old;
    else if (old != NULL)
        exchange(overlay, top, old);
    else
        erase(overlay, top);
    overlay->batch.size = top->batch_size;
    overlay->batch_is_confirmed = top->was_confirmed;
    overlay->open = top->below;
    overlay->open_count--;
    free(top);
}

void od_overlay_take_back(struct od_overlay *overlay, uint64_t open_count)
{
    while (overlay->open_count > open_count)
        take_back(overlay, overlay->open);
}

static void seal(entry *each, od_seq seq, struct od_list *sealed)
{
    entry *old = each->replaced;
    if (old != NULL && old->seq != 0) { // Of an earlier stretch: nothing can bring it back.
        od_list_remove(&old->sealed);
        free(old);
    }
    each->replaced = NULL;
    if (each->is_replaced) {
        free(each);
        return;
    }
    each->seq = seq;
    each->below = NULL;
    od_list_push_back(sealed, &each->sealed);
}

// From the newest down: an entry goes only after the one that replaced it has let go of it.
void od_overlay_seal(struct od_overlay *overlay, od_seq seq, struct od_list *sealed)
{
    for (entry *each = overlay->open, *below; each != NULL; each = below) {
        below = each->below;
        seal(each, seq, sealed);
    }
    overlay->open = NULL;
    overlay->open_count = 0;
    overlay->batch_is_confirmed = false;
    od_bytes_deinit(&overlay->batch);
}

// --- The end -------------------------------------------------------------------------------------

void od_overlay_remove(entry *old)
{
    od_list_remove(&old->sealed);
    if (old->is_replaced) {
        old->is_stale = true;
        return;
    }
    if (old->is_curtain)
        old->overlay->curtain = NULL;
    else if (old->is_alarm)
        old->overlay->alarm = NULL;
    else
        erase(old->overlay, old);
    free(old);
}

static void free_entry(entry *old)
{
    od_list_remove(&old->sealed);
    free(old);
}

static void free_tree(entry *root)
{
    if (root == NULL)
        return;
    free_tree(root->left);
    free_tree(root->right);
    free_entry(root);
}

void od_overlay_free(struct od_overlay *overlay)
{
    od_overlay_take_back(overlay, 0);
    if (overlay->curtain != NULL)
        free_entry(overlay->curtain);
    if (overlay->alarm != NULL)
        free_entry(overlay->alarm);
    free_tree(overlay->root);
    od_bytes_deinit(&overlay->batch);
    free(overlay);
}
