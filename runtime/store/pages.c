// The pages of a storage (storage.h): read squeezed from wherever they are, written into the
// overlay as they are, squeezed when the stretch is sealed.

#include <string.h>

#include "store/keys.h"
#include "store/reader.h"
#include "store/squeeze.h"
#include "store/store_inner.h"

void od_storage_close_pager(struct od_storage *storage)
{
    if (storage->pager != NULL)
        storage->pager->events->close(storage->pager);
    OD_ASSERT(storage->pager == NULL);
}

// --- Reading -------------------------------------------------------------------------------------

static bool find_stored(struct od_storage *storage, uint32_t page, od_slice *squeezed)
{
    od_slot slot = od_slot_of_id(storage->identity->id);
    if (!od_storage_has_rows(storage))
        return false;
    bool found = od_reader_get_page(storage->store->reader, slot, storage->number, page, squeezed);
    od_storage_note_failure(storage);
    return found;
}

static struct od_overlay_entry *find_over(const struct od_storage *storage, uint32_t page)
{
    return storage->overlay != NULL ? od_overlay_find_page(storage->overlay, page) : NULL;
}

static bool is_under_new_mark(const struct od_overlay *overlay)
{
    return overlay->delete_all_mark != NULL && overlay->delete_all_mark->seq == 0;
}

// What lies beneath the open [entry], squeezed. False: nothing.
static bool find_beneath(struct od_storage *storage, const struct od_overlay_entry *entry,
                         od_slice *squeezed)
{
    OD_ASSERT(entry->seq == 0);
    const struct od_overlay_entry *old = entry->replaced;
    if (is_under_new_mark(storage->overlay))
        return false;
    if (old == NULL)
        return find_stored(storage, od_overlay_page_number(entry), squeezed);
    *squeezed = od_overlay_value(old);
    return !old->is_deleted;
}

static bool unsqueeze(bool is_there, od_slice squeezed, char *bytes)
{
    if (is_there)
        return od_unsqueeze(squeezed, bytes);
    memset(bytes, 0, OD_STORE_PAGE_BYTES);
    return true;
}

bool od_storage_get_page(struct od_storage *storage, uint32_t page, char *bytes)
{
    OD_ASSERT(page > 0);
    const struct od_overlay_entry *entry = find_over(storage, page);
    od_slice found = {NULL, 0};
    storage->has_failed = false;
    bool is_there = entry != NULL ? !entry->is_deleted : find_stored(storage, page, &found);
    if (entry != NULL)
        found = od_overlay_value(entry);
    return !storage->has_failed && unsqueeze(is_there, found, bytes);
}

bool od_storage_has_page(struct od_storage *storage, uint32_t page)
{
    const struct od_overlay_entry *entry = find_over(storage, page);
    od_slice found;
    return entry != NULL ? !entry->is_deleted : find_stored(storage, page, &found);
}

bool od_storage_has_open_page(const struct od_storage *storage, uint32_t page)
{
    const struct od_overlay_entry *entry = find_over(storage, page);
    return entry != NULL && entry->seq == 0;
}

bool od_storage_get_page_beneath(struct od_storage *storage, uint32_t page, char *bytes)
{
    const struct od_overlay_entry *entry = find_over(storage, page);
    od_slice found;
    bool is_there = entry != NULL && entry->seq == 0 && find_beneath(storage, entry, &found);
    return is_there && od_unsqueeze(found, bytes);
}

// --- Writing -------------------------------------------------------------------------------------

void od_storage_put_page(struct od_storage *storage, uint32_t page, const char *bytes)
{
    OD_ASSERT(page > 0);
    od_storage_begin_stretch(storage);
    od_overlay_write_page(storage->overlay, page, bytes);
}

void od_storage_delete_page(struct od_storage *storage, uint32_t page)
{
    OD_ASSERT(page > 0);
    od_storage_begin_stretch(storage);
    od_overlay_write_page(storage->overlay, page, NULL);
}

static bool is_same(bool is_there, od_slice a, bool was_there, od_slice b)
{
    return is_there == was_there && (!is_there || od_slice_equal(a, b));
}

// Many pages are written as they were: by statements undone, by values that came back.
static void seal_page(struct od_storage *storage, od_seq seq, struct od_bytes *squeezed)
{
    OD_ASSERT(seq != 0);
    struct od_overlay *overlay = storage->overlay;
    const struct od_overlay_entry *entry = overlay->open_page;
    uint32_t page = od_overlay_page_number(entry);
    bool is_there = !entry->is_deleted;
    od_slice before = {NULL, 0};
    bool was_there = find_beneath(storage, entry, &before);
    if (is_there)
        od_squeeze(od_overlay_value(entry).at, squeezed);
    od_slice value = od_bytes_slice(squeezed);
    bool hides_sealed = entry->replaced != NULL && is_under_new_mark(overlay);
    if (is_same(is_there, value, was_there, before) && !hides_sealed) {
        od_overlay_take_back_page(overlay);
        return;
    }
    if (is_there)
        od_batch_put_page(&overlay->batch, page, value);
    else if (was_there)
        od_batch_delete_page(&overlay->batch, page);
    od_overlay_seal_page(overlay, is_there ? &value : NULL, seq, &storage->store->sealed);
}

void od_storage_seal_pages(struct od_storage *storage, od_seq seq)
{
    struct od_bytes squeezed = {0};
    if (storage->overlay->open_page != NULL)
        od_storage_forget_marks(storage, OD_MARK_PAGES);
    while (storage->overlay->open_page != NULL)
        seal_page(storage, seq, &squeezed);
    od_bytes_deinit(&squeezed);
}
