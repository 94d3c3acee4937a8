// The pages in an overlay (overlay.h).

#include <stdlib.h>
#include <string.h>

#include "store/keys.h"
#include "store/limits.h"
#include "store/overlay.h"

typedef struct od_overlay_entry entry;

entry *od_overlay_find_page(const struct od_overlay *overlay, uint32_t page)
{
    char room[OD_PAGE_KEY_BYTES];
    return od_overlay_tree_find(overlay->pages, od_page_key(room, page));
}

uint32_t od_overlay_page_number(const entry *of)
{
    OD_ASSERT(of->is_page);
    OD_ASSERT(of->key_size == OD_PAGE_KEY_BYTES);
    const unsigned char *at = (const unsigned char *)of->bytes;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put(struct od_overlay *overlay, entry *new, entry *old)
{
    OD_ASSERT(old == NULL || !old->is_replaced);
    new->is_page = true;
    new->replaced = old;
    if (old != NULL) {
        old->is_replaced = true;
        od_overlay_tree_exchange(&overlay->pages, old, new);
    } else {
        od_overlay_tree_insert(&overlay->pages, new);
    }
}

static void push_open(struct od_overlay *overlay, entry *new, entry *old)
{
    put(overlay, new, old);
    new->below = overlay->open_page;
    overlay->open_page = new;
    overlay->open_page_count++;
}

void od_overlay_write_page(struct od_overlay *overlay, uint32_t page, const char *bytes)
{
    OD_ASSERT(page > 0); // They count from 1.
    char room[OD_PAGE_KEY_BYTES];
    od_slice key = od_page_key(room, page), nothing = {NULL, 0};
    entry *at = od_overlay_tree_find(overlay->pages, key);
    if (at == NULL || at->seq != 0) {
        entry *new =
            od_overlay_tree_entry(overlay, overlay->entries, key, nothing, OD_STORE_PAGE_BYTES);
        push_open(overlay, new, at);
        at = new;
    }
    at->is_deleted = bytes == NULL;
    at->value_size = bytes == NULL ? 0 : OD_STORE_PAGE_BYTES;
    if (bytes != NULL)
        memcpy(at->bytes + at->key_size, bytes, OD_STORE_PAGE_BYTES);
}

void od_overlay_take_back_page(struct od_overlay *overlay)
{
    OD_ASSERT(overlay->open_page != NULL);
    OD_ASSERT(overlay->open_page_count > 0);
    entry *top = overlay->open_page;
    entry *old = od_overlay_give_back(top);
    if (old != NULL)
        od_overlay_tree_exchange(&overlay->pages, top, old);
    else
        od_overlay_tree_erase(&overlay->pages, top);
    overlay->open_page = top->below;
    overlay->open_page_count--;
    od_overlay_tree_drop(top);
}

void od_overlay_take_back_pages(struct od_overlay *overlay)
{
    while (overlay->open_page != NULL)
        od_overlay_take_back_page(overlay);
}

void od_overlay_hide_pages(struct od_overlay *overlay)
{
    entry *each = od_overlay_tree_from(overlay->pages, (od_slice){NULL, 0}, true);
    while (each != NULL) {
        uint32_t page = od_overlay_page_number(each);
        char room[OD_PAGE_KEY_BYTES];
        od_overlay_write_page(overlay, page, NULL);
        each = od_overlay_tree_from(overlay->pages, od_page_key(room, page), false);
    }
}

// What waits for the disk takes no more memory than it has bytes.
void od_overlay_seal_page(struct od_overlay *overlay, const od_slice *value, od_seq seq,
                          struct od_list *sealed)
{
    OD_ASSERT(overlay->open_page != NULL);
    OD_ASSERT(overlay->open_page_count > 0);
    OD_ASSERT(value == NULL || value->size <= OD_STORE_PAGE_BYTES);
    entry *top = overlay->open_page;
    od_slice bytes = value != NULL ? *value : (od_slice){NULL, 0};
    entry *new =
        od_overlay_tree_entry(overlay, overlay->entries, od_overlay_key(top), bytes, bytes.size);
    new->is_page = true;
    new->is_deleted = value == NULL;
    new->replaced = top->replaced;
    od_overlay_tree_exchange(&overlay->pages, top, new);
    overlay->open_page = top->below;
    overlay->open_page_count--;
    od_overlay_tree_drop(top);
    od_overlay_seal_entry(new, seq, sealed);
}
