// Marks: numbers by which one can tell later whether an object, or its pages, have been written to.

#include <string.h>

#include "base/clock.h"
#include "store/store_inner.h"

static bool is_of(const struct od_storage *storage, const struct od_store_mark *mark)
{
    return mark->number != 0 && memcmp(mark->id, storage->identity->id, OD_ID_BYTES) == 0;
}

static void forget(struct od_storage *storage, enum od_mark_kind kind)
{
    for (size_t i = 0; i < OD_STORE_MARKS_MAX; i++) {
        struct od_store_mark *mark = &storage->store->marks[i];
        if (mark->is_of_pages == (kind == OD_MARK_PAGES) && is_of(storage, mark))
            mark->number = 0;
    }
}

// Who looks at all is told of pages, too.
void od_storage_forget_marks(struct od_storage *storage, enum od_mark_kind kind)
{
    if (storage->store->last_mark == 0)
        return;
    forget(storage, OD_MARK_ALL);
    if (kind == OD_MARK_PAGES)
        forget(storage, OD_MARK_PAGES);
}

// Numbers are those of no other worker's life.
uint64_t od_storage_mark_now(struct od_storage *storage, enum od_mark_kind kind)
{
    struct od_store *store = storage->store;
    struct od_store_mark *oldest = store->marks;
    if (store->last_mark == 0)
        store->last_mark = (uint64_t)od_clock_wall_ms() << 16;
    forget(storage, kind);
    for (size_t i = 1; i < OD_STORE_MARKS_MAX; i++)
        oldest = store->marks[i].number < oldest->number ? &store->marks[i] : oldest;
    memcpy(oldest->id, storage->identity->id, OD_ID_BYTES);
    oldest->is_of_pages = kind == OD_MARK_PAGES;
    oldest->number = ++store->last_mark;
    return oldest->number;
}

bool od_storage_is_as_marked(const struct od_storage *storage, uint64_t number)
{
    for (size_t i = 0; i < OD_STORE_MARKS_MAX; i++) {
        if (storage->store->marks[i].number == number)
            return is_of(storage, &storage->store->marks[i]);
    }
    return false;
}
