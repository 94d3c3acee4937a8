#include "store/overlay.h"

#include <stdlib.h>
#include <string.h>

typedef struct od_overlay_entry entry;

struct od_overlay *od_overlay_new(struct od_storage *storage, struct od_slab *entries)
{
    struct od_overlay *overlay = od_allocate_zeroed(sizeof *overlay);
    overlay->storage = storage;
    overlay->entries = entries;
    return overlay;
}

bool od_overlay_is_empty(const struct od_overlay *overlay)
{
    return overlay->root == NULL && overlay->delete_all_mark == NULL && overlay->alarms == NULL &&
           overlay->open == NULL && overlay->pages == NULL;
}

static bool has_value(const entry *root)
{
    return root != NULL && (!root->is_deleted || has_value(root->left) || has_value(root->right));
}

bool od_overlay_has_value(const struct od_overlay *overlay)
{
    if (overlay == NULL)
        return false;
    return has_value(overlay->root) || has_value(overlay->pages) || has_value(overlay->alarms);
}

// --- Looking -------------------------------------------------------------------------------------

entry *od_overlay_find(const struct od_overlay *overlay, od_slice key)
{
    return od_overlay_tree_find(overlay->root, key);
}

entry *od_overlay_find_alarm(const struct od_overlay *overlay, od_slice name)
{
    return od_overlay_tree_find(overlay->alarms, name);
}

static entry **root_of(entry *of)
{
    if (of->is_page)
        return &of->overlay->pages;
    return of->is_alarm ? &of->overlay->alarms : &of->overlay->root;
}

// --- The open stretch ----------------------------------------------------------------------------

static entry *new_entry(struct od_overlay *overlay, od_slice key, od_slice value)
{
    return od_overlay_tree_entry(overlay, overlay->entries, key, value, value.size);
}

static void push_open(struct od_overlay *overlay, entry *new, entry *replaced)
{
    OD_ASSERT(replaced == NULL || !replaced->is_replaced);
    OD_ASSERT(overlay->batch.size <= UINT32_MAX);
    new->replaced = replaced;
    if (replaced != NULL)
        replaced->is_replaced = true;
    new->batch_size = (uint32_t)overlay->batch.size;
    new->was_confirmed = overlay->batch_is_confirmed;
    new->below = overlay->open;
    overlay->open = new;
    overlay->open_count++;
}

// NULL as [value]: deleted.
static void write(struct od_overlay *overlay, od_slice key, const od_slice *value, bool is_alarm)
{
    entry *new = new_entry(overlay, key, value != NULL ? *value : (od_slice){NULL, 0});
    new->is_deleted = value == NULL;
    new->is_alarm = is_alarm;
    entry **root = root_of(new), *old = od_overlay_tree_find(*root, key);
    if (old != NULL)
        od_overlay_tree_exchange(root, old, new);
    else
        od_overlay_tree_insert(root, new);
    push_open(overlay, new, old);
}

void od_overlay_write(struct od_overlay *overlay, od_slice key, const od_slice *value)
{
    write(overlay, key, value, false);
}

void od_overlay_write_alarm(struct od_overlay *overlay, od_slice name, const od_slice *row)
{
    write(overlay, name, row, true);
}

static void hide(struct od_overlay *overlay, entry *const *root)
{
    entry *each = od_overlay_tree_from(*root, (od_slice){NULL, 0}, true);
    while (each != NULL) {
        write(overlay, od_overlay_key(each), NULL, each->is_alarm);
        each = od_overlay_tree_next(*root, od_overlay_key(each), false);
    }
}

void od_overlay_delete_all(struct od_overlay *overlay)
{
    hide(overlay, &overlay->root);
    hide(overlay, &overlay->alarms);
    od_overlay_hide_pages(overlay);
    entry *delete_all_mark = new_entry(overlay, (od_slice){NULL, 0}, (od_slice){NULL, 0});
    delete_all_mark->is_delete_all_mark = true;
    push_open(overlay, delete_all_mark, overlay->delete_all_mark);
    overlay->delete_all_mark = delete_all_mark;
}

static void take_back(struct od_overlay *overlay, entry *top)
{
    OD_ASSERT(top == overlay->open);
    OD_ASSERT(overlay->open_count > 0);
    OD_ASSERT(top->batch_size <= overlay->batch.size);
    entry *old = od_overlay_give_back(top);
    if (top->is_delete_all_mark)
        overlay->delete_all_mark = old;
    else if (old != NULL)
        od_overlay_tree_exchange(root_of(top), top, old);
    else
        od_overlay_tree_erase(root_of(top), top);
    overlay->batch.size = top->batch_size;
    overlay->batch_is_confirmed = top->was_confirmed;
    overlay->open = top->below;
    overlay->open_count--;
    od_overlay_tree_drop(top);
}

void od_overlay_take_back(struct od_overlay *overlay, uint64_t open_count)
{
    while (overlay->open_count > open_count)
        take_back(overlay, overlay->open);
}

void od_overlay_seal_entry(entry *each, od_seq seq, struct od_list *sealed)
{
    OD_ASSERT(seq != 0);
    OD_ASSERT(each->seq == 0);
    entry *old = each->replaced;
    if (old != NULL && old->seq != 0) { // Of an earlier stretch: nothing can bring it back.
        od_list_remove(&old->sealed);
        od_overlay_tree_drop(old);
    }
    each->replaced = NULL;
    if (each->is_replaced) {
        od_overlay_tree_drop(each);
        return;
    }
    each->seq = seq;
    each->below = NULL;
    od_list_push_back(sealed, &each->sealed);
}

// From the newest down: an entry goes only after the one that replaced it has let go of it.
void od_overlay_seal(struct od_overlay *overlay, od_seq seq, struct od_list *sealed)
{
    OD_ASSERT(overlay->open_page == NULL); // Pages go first.
    for (entry *each = overlay->open, *below; each != NULL; each = below) {
        below = each->below;
        od_overlay_seal_entry(each, seq, sealed);
    }
    overlay->open = NULL;
    overlay->open_count = 0;
    overlay->batch_is_confirmed = false;
    od_bytes_deinit(&overlay->batch);
}

// --- The end -------------------------------------------------------------------------------------

void od_overlay_remove(entry *old)
{
    OD_ASSERT(old->seq != 0);
    OD_ASSERT(!old->is_stale);
    od_list_remove(&old->sealed);
    if (old->is_replaced) {
        old->is_stale = true;
        return;
    }
    if (old->is_delete_all_mark)
        old->overlay->delete_all_mark = NULL;
    else
        od_overlay_tree_erase(root_of(old), old);
    od_overlay_tree_drop(old);
}

static void free_entry(entry *old)
{
    od_list_remove(&old->sealed);
    od_overlay_tree_drop(old);
}

void od_overlay_free(struct od_overlay *overlay)
{
    od_overlay_take_back(overlay, 0);
    od_overlay_take_back_pages(overlay);
    if (overlay->delete_all_mark != NULL)
        free_entry(overlay->delete_all_mark);
    od_overlay_tree_free(overlay->root);
    od_overlay_tree_free(overlay->alarms);
    od_overlay_tree_free(overlay->pages);
    od_bytes_deinit(&overlay->batch);
    free(overlay);
}
