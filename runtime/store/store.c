#include "store/store.h"

#include <stdlib.h>

#include "base/log.h"
#include "store/reader.h"
#include "store/store_inner.h"

// --- What is on its way to the disk --------------------------------------------------------------

struct on_way {
    struct od_list link;
    od_seq seq;
    size_t bytes;
};

static void check(const struct od_store *store)
{
    OD_ASSERT(store->seq > 0);
    OD_ASSERT(store->generation > 0);
    OD_ASSERT(store->durable_seq < store->seq);
    OD_ASSERT(store->turn_taken <= store->turn.size);
    OD_ASSERT(!store->is_gathering || store->turn_head < store->turn.size);
    OD_ASSERT(store->on_way_bytes == 0 || !od_list_is_empty(&store->on_way));
}

static struct on_way *on_way_of(struct od_list *link)
{
    return OD_LIST_MEMBER(link, struct on_way, link);
}

static void leave(struct od_store *store, const struct od_submission *submission)
{
    OD_ASSERT(submission->seq < store->seq);
    struct on_way *on_way = od_allocate(sizeof *on_way);
    *on_way = (struct on_way){.seq = submission->seq, .bytes = submission->batches.size};
    od_list_init(&on_way->link);
    od_list_push_back(&store->on_way, &on_way->link);
    store->on_way_bytes += on_way->bytes;
}

static void forget_on_way(struct od_store *store, struct on_way *on_way)
{
    OD_ASSERT(store->on_way_bytes >= on_way->bytes);
    store->on_way_bytes -= on_way->bytes;
    od_list_remove(&on_way->link);
    free(on_way);
}

static void arrived(struct od_store *store, od_seq seq)
{
    OD_LIST_EACH_SAFE (link, &store->on_way) {
        if (on_way_of(link)->seq > seq)
            return;
        forget_on_way(store, on_way_of(link));
    }
}

static void went_astray(struct od_store *store, od_seq first_seq)
{
    OD_LIST_EACH_SAFE (link, &store->on_way) {
        if (on_way_of(link)->seq >= first_seq)
            forget_on_way(store, on_way_of(link));
    }
}

bool od_store_is_behind(struct od_store *store)
{
    check(store);
    size_t limit = store->is_behind ? OD_STORE_ON_WAY_BYTES_LOW : OD_STORE_ON_WAY_BYTES_MAX;
    store->is_behind = store->on_way_bytes > limit;
    return store->is_behind;
}

// --- Opening and closing -------------------------------------------------------------------------

bool od_store_open(struct od_store **result, const char *directory, struct od_error *err)
{
    struct od_store *store = od_allocate_zeroed(sizeof *store);
    store->generation = 1;
    store->seq = 1;
    od_list_init(&store->sealed);
    od_list_init(&store->on_way);
    od_slab_init(&store->entries, sizeof(struct od_overlay_entry) + OD_STORE_SMALL_BYTES);
    *result = NULL;
    if (!od_reader_open(&store->reader, directory, err)) {
        free(store);
        return false;
    }
    *result = store;
    return true;
}

bool od_store_has_files(const struct od_store *store, const struct od_store_files *files,
                        struct od_error *err)
{
    return od_reader_has_files(store->reader, files, err);
}

void od_store_close(struct od_store *store)
{
    if (store == NULL)
        return;
    OD_ASSERT(od_list_is_empty(&store->sealed));
    OD_ASSERT(store->open_stretches == 0);
    arrived(store, UINT64_MAX);
    od_reader_close(store->reader);
    od_bytes_deinit(&store->turn);
    od_bytes_deinit(&store->spare);
    od_slab_deinit(&store->entries);
    free(store);
}

// Who asks these goes on without an answer.
static void log_failure(const struct od_store *store)
{
    struct od_error err;
    if (od_reader_has_failed(store->reader, &err))
        od_log(OD_LOG_ERROR, NULL, "%s", err.text);
}

bool od_store_identity_of(struct od_store *store, const uint8_t id[OD_ID_BYTES],
                          struct od_identity *identity)
{
    uint64_t number;
    bool found = od_reader_find(store->reader, id, &number, identity);
    log_failure(store);
    return found;
}

bool od_store_now(struct od_store *store, struct od_journal_mark *mark, struct od_error *err)
{
    if (!od_reader_mark(store->reader, mark))
        return !od_reader_has_failed(store->reader, err) &&
               od_error_set(err, "there is no journal in %s", od_store_directory(store));
    if (mark->moment.sequence < store->moment.sequence)
        mark->moment = store->moment;
    return true;
}

const char *od_store_directory(const struct od_store *store)
{
    return od_reader_directory(store->reader);
}

void od_store_measure(struct od_store *store, const uint8_t id[OD_ID_BYTES], uint64_t rows_max,
                      struct od_measure *measure)
{
    uint64_t number;
    struct od_identity identity;
    if (od_reader_find(store->reader, id, &number, &identity))
        od_reader_measure(store->reader, od_slot_of_id(id), number, rows_max, measure);
    log_failure(store);
}

void od_store_list(struct od_store *store, od_slice space, struct od_bytes *identities)
{
    od_reader_list(store->reader, space, identities);
    log_failure(store);
}

void od_store_walk_directory(struct od_store *store, od_slice after,
                             bool (*visit)(void *context, od_slice place,
                                           const struct od_identity *identity),
                             void *context)
{
    od_reader_walk_directory(store->reader, after, visit, context);
    log_failure(store);
}

// --- The turn ------------------------------------------------------------------------------------

static void begin_submission(struct od_store *store)
{
    OD_ASSERT(!store->is_gathering);
    store->is_gathering = true;
    store->turn_head = store->turn.size;
    od_bytes_put_u64(&store->turn, store->seq);
    od_bytes_put_u32(&store->turn, 0);
}

static size_t submission_bytes(const struct od_store *store)
{
    OD_ASSERT(store->turn.size >= store->turn_head + 12);
    return store->turn.size - store->turn_head - 12;
}

static void end_submission(struct od_store *store)
{
    OD_ASSERT(store->is_gathering);
    od_bytes_set_u32(&store->turn, store->turn_head + 8, (uint32_t)submission_bytes(store));
    store->is_gathering = false;
    store->seq++;
}

// Cut behind a batch, never before one: so the number a stretch was promised while it was open
// (od_storage_pending_seq) is the one it gets.
od_seq od_store_add_batch(struct od_store *store, od_slice batch)
{
    check(store);
    if (!store->is_gathering)
        begin_submission(store);
    od_seq seq = store->seq;
    od_bytes_put_slice(&store->turn, batch);
    if (submission_bytes(store) >= OD_STORE_SUBMISSION_BYTES)
        end_submission(store);
    return seq;
}

bool od_store_next_submission(struct od_store *store, struct od_submission *submission)
{
    OD_ASSERT(store->open_stretches == 0);
    if (store->is_gathering)
        end_submission(store);
    struct od_cursor cursor =
        od_cursor_of(od_slice_from(od_bytes_slice(&store->turn), store->turn_taken));
    if (od_cursor_at_end(&cursor))
        return false;
    submission->generation = store->generation;
    submission->seq = od_cursor_u64(&cursor);
    submission->batches = od_cursor_string(&cursor);
    OD_ASSERT(!cursor.failed);
    store->turn_taken = store->turn.size - (size_t)(cursor.end - cursor.at);
    leave(store, submission);
    return true;
}

static void forget_turn(struct od_store *store)
{
    bool is_large = store->turn.capacity > OD_STORE_SUBMISSION_BYTES;
    store->turn_taken = 0;
    od_bytes_clear(&store->turn);
    if (is_large) // One heavy turn is not to be paid for all life long.
        od_bytes_deinit(&store->turn);
}

void od_store_end_turn(struct od_store *store)
{
    check(store);
    OD_ASSERT(!store->is_gathering);
    OD_ASSERT(store->turn_taken == store->turn.size);
    forget_turn(store);
    od_reader_reset(store->reader);
}

void od_store_look_anew(struct od_store *store)
{
    OD_ASSERT(store->open_stretches == 0);
    od_reader_reset(store->reader);
}

// --- News of the committer -----------------------------------------------------------------------

void od_store_durable(struct od_store *store, od_seq seq, const struct od_journal_moment *moment)
{
    OD_ASSERT(seq < store->seq);
    OD_ASSERT(moment->sequence >= store->moment.sequence);
    store->moment = *moment;
    if (seq > store->durable_seq)
        store->durable_seq = seq;
    arrived(store, seq);
}

static struct od_overlay_entry *entry_of(struct od_list *link)
{
    return OD_LIST_MEMBER(link, struct od_overlay_entry, sealed);
}

static bool is_applied(const struct od_store *store)
{
    return !od_list_is_empty(&store->sealed) &&
           entry_of(store->sealed.next)->seq <= store->applied_seq;
}

// What is left lies over the same in LMDB, and nothing that came later has gone before it.
bool od_store_forget(struct od_store *store)
{
    OD_ASSERT(store->open_stretches == 0);
    for (size_t i = 0; i < OD_STORE_FORGET_ENTRIES && is_applied(store); i++)
        od_storage_entry_applied(entry_of(store->sealed.next));
    return is_applied(store);
}

// Before anything is forgotten the reader lets go of the moment at which it was not there yet.
void od_store_applied(struct od_store *store, od_seq seq)
{
    check(store);
    OD_ASSERT(store->open_stretches == 0);
    od_reader_reset(store->reader);
    store->applied_seq = seq;
    (void)od_store_forget(store);
}

void od_store_walk_coming(struct od_store *store,
                          void (*visit)(void *context, struct od_storage *storage), void *context)
{
    const struct od_storage *last = NULL;
    check(store);
    OD_LIST_EACH (link, &store->sealed) {
        struct od_storage *storage = entry_of(link)->overlay->storage;
        if (storage != last)
            visit(context, storage);
        last = storage;
    }
}

void od_store_failed(struct od_store *store, uint32_t generation, od_seq first_seq,
                     void (*broken)(struct od_storage *storage))
{
    OD_ASSERT(store->open_stretches == 0);
    if (generation != store->generation)
        return;
    check(store);
    store->generation++;
    went_astray(store, first_seq);
    if (store->is_gathering)
        end_submission(store);
    forget_turn(store); // Its batches rest on what was lost; their storages are broken too.
    while (!od_list_is_empty(&store->sealed) &&
           entry_of(store->sealed.previous)->seq >= first_seq) {
        struct od_storage *storage = entry_of(store->sealed.previous)->overlay->storage;
        od_storage_forget(storage);
        broken(storage);
    }
}
