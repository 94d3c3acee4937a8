#include "store/storage.h"

#include "store/reader.h"
#include "store/store_inner.h"

void od_storage_init(struct od_storage *storage, struct od_store *store,
                     const struct od_identity *identity)
{
    *storage = (struct od_storage){.store = store, .identity = identity};
}

void od_storage_deinit(struct od_storage *storage)
{
    od_storage_close_pager(storage);
    od_storage_forget(storage);
}

static void check_overlay(const struct od_overlay *overlay)
{
    OD_ASSERT((overlay->open != NULL) == (overlay->open_count > 0));
    OD_ASSERT((overlay->open_page != NULL) == (overlay->open_page_count > 0));
    OD_ASSERT(overlay->open != NULL || overlay->batch.size == 0);
}

void od_storage_check(const struct od_storage *storage)
{
    OD_ASSERT(storage->number == 0 || !storage->is_absent);
    OD_ASSERT(storage->parts == 0 || storage->is_held);
    OD_ASSERT(storage->confirmed_seq <= storage->store->seq);
    OD_ASSERT(storage->written_seq <= storage->store->seq);
    if (storage->overlay != NULL)
        check_overlay(storage->overlay);
}

static void forget_number(struct od_storage *storage)
{
    storage->number = 0;
    storage->is_absent = false;
}

// --- The overlay comes and goes ------------------------------------------------------------------

static bool has_open(const struct od_storage *storage)
{
    const struct od_overlay *overlay = storage->overlay;
    return overlay != NULL && (overlay->open != NULL || overlay->open_page != NULL);
}

static void drop_if_empty(struct od_storage *storage)
{
    OD_ASSERT(storage->overlay != NULL);
    if (!od_overlay_is_empty(storage->overlay))
        return;
    od_overlay_free(storage->overlay);
    storage->overlay = NULL;
}

void od_storage_entry_applied(struct od_overlay_entry *entry)
{
    OD_ASSERT(entry->seq != 0); // Only what was sealed can have come to the disk.
    struct od_storage *storage = entry->overlay->storage;
    if (entry->is_delete_all_mark || storage->number == 0)
        forget_number(storage);
    od_overlay_remove(entry);
    drop_if_empty(storage);
}

void od_storage_forget(struct od_storage *storage)
{
    if (storage->overlay == NULL)
        return;
    // It has pages in memory that rest on what is forgotten.
    od_storage_close_pager(storage);
    if (has_open(storage) && !storage->is_held)
        storage->store->open_stretches--;
    od_overlay_free(storage->overlay);
    storage->overlay = NULL;
    storage->is_held = false;
    storage->parts = 0;
    storage->confirmed_seq = storage->written_seq = 0;
    forget_number(storage);
}

// --- Reading -------------------------------------------------------------------------------------

static od_slot slot_of(const struct od_storage *storage)
{
    return od_slot_of_id(storage->identity->id);
}

void od_storage_note_failure(struct od_storage *storage)
{
    struct od_error err;
    storage->has_failed = od_reader_has_failed(storage->store->reader, &err);
}

bool od_storage_has_rows(struct od_storage *storage)
{
    struct od_identity known;
    storage->has_failed = false;
    if (storage->overlay != NULL && storage->overlay->delete_all_mark != NULL)
        return false;
    if (storage->number != 0 || storage->is_absent)
        return storage->number != 0;
    bool found =
        od_reader_find(storage->store->reader, storage->identity->id, &storage->number, &known);
    storage->number = found ? storage->number : 0;
    od_storage_note_failure(storage);
    storage->is_absent = !found && !storage->has_failed;
    return found;
}

bool od_storage_has_failed(const struct od_storage *storage, struct od_error *err)
{
    return storage->has_failed && od_reader_has_failed(storage->store->reader, err);
}

bool od_storage_get(struct od_storage *storage, od_slice key, od_slice *value)
{
    OD_ASSERT(key.size <= OD_STORE_KEY_BYTES_MAX);
    struct od_overlay_entry *entry =
        storage->overlay != NULL ? od_overlay_find(storage->overlay, key) : NULL;
    storage->has_failed = false;
    if (entry != NULL) {
        *value = od_overlay_value(entry);
        return !entry->is_deleted;
    }
    if (!od_storage_has_rows(storage))
        return false;
    bool found =
        od_reader_get(storage->store->reader, slot_of(storage), storage->number, key, value);
    od_storage_note_failure(storage);
    return found;
}

void od_storage_walk(struct od_storage *storage, enum od_row_kind kind,
                     const struct od_bounds *bounds, bool reverse,
                     bool (*visit)(void *context, od_slice key, od_slice value), void *context)
{
    if (!od_storage_has_rows(storage))
        return;
    od_reader_walk(storage->store->reader, slot_of(storage), storage->number, kind, bounds, reverse,
                   visit, context);
    od_storage_note_failure(storage);
}

static bool read_alarm(const struct od_overlay_entry *entry, struct od_alarm_row *row)
{
    if (entry->is_deleted)
        return false;
    bool is_row = od_alarm_row_read(od_overlay_value(entry), row);
    OD_ASSERT(is_row);
    return true;
}

bool od_storage_alarm(struct od_storage *storage, od_slice name, struct od_alarm_row *row)
{
    const struct od_overlay_entry *entry =
        storage->overlay != NULL ? od_overlay_find_alarm(storage->overlay, name) : NULL;
    storage->has_failed = false;
    if (entry != NULL)
        return read_alarm(entry, row);
    if (!od_storage_has_rows(storage))
        return false;
    bool found =
        od_reader_alarm(storage->store->reader, slot_of(storage), storage->number, name, row);
    od_storage_note_failure(storage);
    return found;
}

// --- Writing -------------------------------------------------------------------------------------

void od_storage_begin_stretch(struct od_storage *storage)
{
    if (storage->overlay == NULL)
        storage->overlay = od_overlay_new(storage, &storage->store->entries);
    if (!has_open(storage) && !storage->is_held)
        storage->store->open_stretches++;
}

// Pages count as if nothing could be squeezed out of them.
size_t od_storage_room_bytes(const struct od_storage *storage)
{
    const struct od_overlay *overlay = storage->overlay;
    size_t size =
        OD_STORE_ALARM_BODY_BYTES_MAX + sizeof(uint64_t) * 64; // For od_storage_end_alarm.
    if (overlay != NULL)
        size += overlay->batch.size + overlay->open_page_count * (OD_STORE_PAGE_BYTES + 16);
    return size < OD_STORE_BATCH_BYTES_MAX ? OD_STORE_BATCH_BYTES_MAX - size : 0;
}

// Makes sure that an operation of [bytes] fits and that there is a batch to put it into.
static bool make_room(struct od_storage *storage, size_t bytes, struct od_error *err)
{
    if (bytes > od_storage_room_bytes(storage))
        return od_error_set(err,
                            "the writes of one stretch without a yield are more than %u bytes; "
                            "wait for something between them, for example storage:sync()",
                            OD_STORE_BATCH_BYTES_MAX);
    od_storage_begin_stretch(storage);
    return true;
}

// Its memory goes from one batch to the next, of whatever object.
static void begin_batch(struct od_storage *storage)
{
    struct od_bytes *batch = &storage->overlay->batch, *spare = &storage->store->spare;
    if (batch->at == NULL) {
        *batch = *spare;
        od_bytes_init(spare);
    }
    od_batch_begin(batch, storage->identity);
}

static void end_batch(struct od_storage *storage)
{
    struct od_bytes *batch = &storage->overlay->batch, *spare = &storage->store->spare;
    od_bytes_clear(batch);
    if (spare->at != NULL || batch->capacity > OD_STORE_SPARE_BATCH_BYTES)
        return;
    *spare = *batch;
    od_bytes_init(batch);
}

// The batch begins behind the first entry, so that taking that entry back empties it.
static struct od_bytes *batch_of(struct od_storage *storage, bool unconfirmed)
{
    OD_ASSERT(storage->overlay != NULL);
    struct od_overlay *overlay = storage->overlay;
    od_storage_forget_marks(storage, OD_MARK_ALL);
    if (overlay->batch.size == 0)
        begin_batch(storage);
    overlay->batch_is_confirmed = overlay->batch_is_confirmed || !unconfirmed;
    return &overlay->batch;
}

bool od_storage_put(struct od_storage *storage, od_slice key, od_slice value, bool unconfirmed,
                    struct od_error *err)
{
    od_storage_check(storage);
    OD_ASSERT(key.size <= OD_STORE_KEY_BYTES_MAX);
    OD_ASSERT(value.size <= OD_STORE_VALUE_BYTES_MAX);
    if (!make_room(storage, key.size + value.size, err))
        return false;
    od_overlay_write(storage->overlay, key, &value);
    od_batch_put(batch_of(storage, unconfirmed), key, value);
    return true;
}

bool od_storage_delete(struct od_storage *storage, od_slice key, bool unconfirmed, bool *existed,
                       struct od_error *err)
{
    od_storage_check(storage);
    od_slice value;
    *existed = od_storage_get(storage, key, &value);
    if (!*existed)
        return !od_storage_has_failed(storage, err);
    if (!make_room(storage, key.size, err))
        return false;
    od_overlay_write(storage->overlay, key, NULL);
    od_batch_delete(batch_of(storage, unconfirmed), key);
    return true;
}

bool od_storage_delete_all(struct od_storage *storage, bool unconfirmed, struct od_error *err)
{
    od_storage_check(storage);
    const struct od_overlay *overlay = storage->overlay;
    bool has_overlay = overlay != NULL &&
                       (overlay->root != NULL || overlay->alarms != NULL || overlay->pages != NULL);
    if (!has_overlay && !od_storage_has_rows(storage))
        return !od_storage_has_failed(storage, err);
    if (!make_room(storage, 0, err))
        return false;
    od_storage_close_pager(storage);
    od_storage_forget_marks(storage, OD_MARK_PAGES);
    od_overlay_delete_all(storage->overlay);
    od_batch_delete_all(batch_of(storage, unconfirmed));
    return true;
}

// The row is encoded first: it may be borrowed from the entry that it replaces.
static void write_alarm(struct od_storage *storage, od_slice name, const struct od_alarm_row *row,
                        bool unconfirmed)
{
    OD_ASSERT(storage->overlay != NULL);
    struct od_bytes bytes = {0};
    if (row != NULL)
        od_alarm_row_put(&bytes, &row->alarm, row->body);
    od_slice value = od_bytes_slice(&bytes);
    od_overlay_write_alarm(storage->overlay, name, row != NULL ? &value : NULL);
    if (row != NULL)
        od_batch_set_alarm(batch_of(storage, unconfirmed), name, value);
    else
        od_batch_delete_alarm(batch_of(storage, unconfirmed), name);
    od_bytes_deinit(&bytes);
}

bool od_storage_set_alarm(struct od_storage *storage, od_slice name, const struct od_alarm_row *row,
                          bool unconfirmed, struct od_error *err)
{
    OD_ASSERT(name.size <= OD_STORE_ALARM_NAME_BYTES_MAX);
    OD_ASSERT(row->body.size <= OD_STORE_ALARM_BODY_BYTES_MAX);
    if (!make_room(storage, sizeof *row + name.size + row->body.size, err))
        return false;
    write_alarm(storage, name, row, unconfirmed);
    return true;
}

bool od_storage_delete_alarm(struct od_storage *storage, od_slice name, bool unconfirmed,
                             struct od_error *err)
{
    struct od_alarm_row row;
    if (!od_storage_alarm(storage, name, &row))
        return !od_storage_has_failed(storage, err);
    if (!make_room(storage, name.size, err))
        return false;
    write_alarm(storage, name, NULL, unconfirmed);
    return true;
}

void od_storage_end_alarm(struct od_storage *storage, od_slice name,
                          const struct od_alarm_row *again)
{
    od_storage_begin_stretch(storage);
    write_alarm(storage, name, again, false);
}

// --- The stretch ---------------------------------------------------------------------------------

static bool is_confirmed(const struct od_overlay *overlay)
{
    return overlay->batch_is_confirmed || overlay->open_page != NULL;
}

// A stretch that wrote only pages in which nothing changed gives a batch without operations, as
// effects may wait for its number.
static __attribute__((noinline)) od_seq seal(struct od_storage *storage)
{
    od_storage_check(storage);
    if (storage->pager != NULL)
        storage->pager->events->sealing(storage->pager);
    struct od_overlay *overlay = storage->overlay;
    if (is_confirmed(overlay))
        storage->confirmed_seq = storage->store->seq;
    if (overlay->batch.size == 0)
        begin_batch(storage);
    od_storage_seal_pages(storage, storage->store->seq);
    od_batch_end(&overlay->batch, 0);
    od_seq seq = od_store_add_batch(storage->store, od_bytes_slice(&overlay->batch));
    end_batch(storage);
    od_overlay_seal(overlay, seq, &storage->store->sealed);
    OD_ASSERT(storage->store->open_stretches > 0);
    storage->store->open_stretches--;
    storage->written_seq = seq;
    drop_if_empty(storage);
    return seq;
}

inline od_seq od_storage_seal(struct od_storage *storage)
{
    return has_open(storage) && !storage->is_held ? seal(storage) : 0;
}

static void end_stretch(struct od_storage *storage)
{
    if (has_open(storage))
        return;
    if (!storage->is_held) {
        OD_ASSERT(storage->store->open_stretches > 0);
        storage->store->open_stretches--;
    }
    drop_if_empty(storage);
}

void od_storage_rollback(struct od_storage *storage, uint64_t mark)
{
    od_storage_check(storage);
    if (!has_open(storage))
        return;
    od_overlay_take_back(storage->overlay, mark);
    end_stretch(storage);
}

void od_storage_discard(struct od_storage *storage)
{
    od_storage_check(storage);
    od_storage_close_pager(storage);
    if (has_open(storage)) {
        od_overlay_take_back(storage->overlay, 0);
        od_overlay_take_back_pages(storage->overlay);
        end_stretch(storage);
    }
    storage->is_held = false;
    storage->parts = 0;
}

void od_storage_moved(struct od_storage *storage)
{
    od_storage_check(storage);
    OD_ASSERT(!has_open(storage));
    od_storage_close_pager(storage);
    forget_number(storage);
}

void od_storage_rest(struct od_storage *storage)
{
    OD_ASSERT(storage->parts == 0);
    od_storage_close_pager(storage);
}

void od_storage_hold(struct od_storage *storage)
{
    OD_ASSERT(!has_open(storage));
    OD_ASSERT(!storage->is_held);
    storage->is_held = true;
}

void od_storage_let_go(struct od_storage *storage)
{
    od_storage_check(storage);
    bool was_held = storage->is_held;
    storage->is_held = false;
    if (was_held && has_open(storage))
        storage->store->open_stretches++;
}

// --- Parts of a held stretch ---------------------------------------------------------------------

uint64_t od_storage_begin_part(struct od_storage *storage)
{
    od_storage_check(storage);
    if (storage->parts == 0) {
        // What came before the transaction goes its way, whatever becomes of that.
        od_storage_seal(storage);
        od_storage_hold(storage);
    }
    storage->parts++;
    return od_storage_mark(storage);
}

void od_storage_undo_part(struct od_storage *storage, uint64_t mark)
{
    OD_ASSERT(storage->parts > 0);
    if (storage->pager != NULL)
        storage->pager->events->undo_part(storage->pager);
    od_storage_rollback(storage, mark);
}

bool od_storage_end_part(struct od_storage *storage, uint64_t mark, bool keep, struct od_error *err)
{
    bool is_done = true;
    if (storage->parts == 0) // All were discarded.
        return true;
    OD_ASSERT(storage->is_held);
    if (storage->pager != NULL)
        is_done = storage->pager->events->end_part(storage->pager, keep, err);
    if (!keep || !is_done)
        od_storage_rollback(storage, mark);
    if (--storage->parts == 0)
        od_storage_let_go(storage);
    return is_done;
}

uint64_t od_storage_mark(const struct od_storage *storage)
{
    return storage->overlay != NULL ? storage->overlay->open_count : 0;
}

static od_seq unless_durable(const struct od_storage *storage, od_seq seq)
{
    return seq > storage->store->durable_seq ? seq : 0;
}

static bool has_unwritten(const struct od_storage *storage)
{
    return storage->pager != NULL && storage->pager->is_writing;
}

bool od_storage_would_seal(const struct od_storage *storage)
{
    return !storage->is_held && (has_open(storage) || has_unwritten(storage));
}

inline od_seq od_storage_pending_seq(const struct od_storage *storage)
{
    if (has_unwritten(storage))
        return OD_SEQ_UNKNOWN;
    if (has_open(storage) && is_confirmed(storage->overlay))
        return storage->is_held ? OD_SEQ_UNKNOWN : storage->store->seq;
    return unless_durable(storage, storage->confirmed_seq);
}

od_seq od_storage_sealed_seq(const struct od_storage *storage)
{
    return unless_durable(storage, storage->confirmed_seq);
}

od_seq od_storage_sync_seq(const struct od_storage *storage)
{
    bool has_more = has_open(storage) && !storage->is_held;
    return has_more ? storage->store->seq : unless_durable(storage, storage->written_seq);
}

bool od_storage_is_clean(const struct od_storage *storage)
{
    return storage->overlay == NULL && !has_unwritten(storage);
}

bool od_storage_has_anything(struct od_storage *storage)
{
    return od_overlay_has_value(storage->overlay) || od_storage_has_rows(storage);
}
