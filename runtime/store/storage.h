// The storage of one object, as its code sees it: what is in LMDB, and over it the object's own
// writes that are not there yet.
//
// A write is seen by the next read at once, and goes to disk with all others of the same
// synchronous stretch: the *open* batch. od_storage_seal ends the stretch and hands the batch to
// the store. Until then the object can take writes back, all of them or down to a mark. What is
// sealed can no longer be taken back; it is stored, or the commit fails and the object is reset.
//
// After a deleteAll of its own the object reads nothing from LMDB until that deleteAll is applied
// there: the rows are still to be seen, and their number may soon be another object's rubbish.
//
// Order: every stretch is sealed or discarded before the turn ends, unless it is *held*: so a
// transaction keeps its writes together, however long it takes. What was sealed before goes its way
// meanwhile.
// Beside its pairs an object has numbered pages. They are its database's, which is kept by a
// *pager* (sql/database.h), and of which nothing else is known here. Pages go the way of all
// writes, into the same batches.
//
// Process: workers. Thread: the loop's.
// Owner: embedded in the object, 80 bytes while nothing is on its way; [identity] is the object's
// and must not move.

#ifndef OD_STORE_STORAGE_H
#define OD_STORE_STORAGE_H

#include "base/error.h"
#include "store/batch.h"
#include "store/limits.h"
#include "store/range.h"

struct od_store;
struct od_overlay;

struct od_pager;

// What a pager hears. It keeps pages in memory that it has read, and while a part of a stretch is
// open, those that it has not written yet.
struct od_pager_events {
    void (*sealing)(struct od_pager *pager);   // The last moment at which it may write pages.
    void (*undo_part)(struct od_pager *pager); // The innermost part; it goes on from its beginning.
    // The innermost part is over. False, when it was to be kept: it cannot be, and is undone.
    bool (*end_part)(struct od_pager *pager, bool keep, struct od_error *err);
    void (*close)(struct od_pager *pager); // What it has read is no longer true. It is gone then.
};

struct od_pager {
    const struct od_pager_events *events;
    bool is_writing; // A part of the stretch has changes that are not written yet.
};

struct od_storage {
    struct od_store *store;
    const struct od_identity *identity;
    struct od_pager *pager;     // NULL while nobody uses the pages. Set by itself.
    struct od_overlay *overlay; // NULL while nothing is open or on its way.
    uint64_t number;            // Of the object's rows; 0 while not known.
    bool is_absent;             // Known to have no rows.
    bool is_held;               // The stretch stays open beyond the turn.
    bool has_failed;            // See od_storage_has_failed.
    uint32_t parts;             // How many are open inside each other.
    od_seq confirmed_seq;       // The last sealed batch effects have to wait for.
    od_seq written_seq;         // The last sealed batch.
    void *owner;                // For whoever embeds it; see od_store_failed.
};

void od_storage_init(struct od_storage *storage, struct od_store *store,
                     const struct od_identity *identity);
// What lies in LMDB is not what it was: another node had the object, or it has just come from the
// engine.
void od_storage_moved(struct od_storage *storage);

void od_storage_deinit(struct od_storage *storage); // Forgets what is open or on its way, too.

// Panics unless [storage] is as its fields say of each other.
void od_storage_check(const struct od_storage *storage);

// Whether the last question had no answer because the data file is damaged where this object's
// rows are. Whatever returns false without an [err] may mean this.
bool od_storage_has_failed(const struct od_storage *storage, struct od_error *err);

// False when there is no such key. [value] is borrowed until the next write or the end of the turn.
bool od_storage_get(struct od_storage *storage, od_slice key, od_slice *value);

// Fails, with nothing written, when the stretch would get longer than a batch may be. With
// [unconfirmed] effects need not wait for it, unless the same stretch also holds confirmed writes.
// Slices are copied and may come from od_storage_get.
OD_MUST_CHECK bool od_storage_put(struct od_storage *storage, od_slice key, od_slice value,
                                  bool unconfirmed, struct od_error *err);

// [existed] says whether there was something to delete; if not, nothing is written.
OD_MUST_CHECK bool od_storage_delete(struct od_storage *storage, od_slice key, bool unconfirmed,
                                     bool *existed, struct od_error *err);

// Takes alarms too, and the same time for one key or a million. Nothing is written when there is
// nothing.
OD_MUST_CHECK bool od_storage_delete_all(struct od_storage *storage, bool unconfirmed,
                                         struct od_error *err);

// The alarm [name], the empty one or a schedule's, as it is now, with what is open and on its way.
// False: there is none. [row] is borrowed until the next write or the end of the turn.
bool od_storage_alarm(struct od_storage *storage, od_slice name, struct od_alarm_row *row);

// In place of the one there is; a row's slices may come from od_storage_alarm. Nothing is deleted
// when there is none.
OD_MUST_CHECK bool od_storage_set_alarm(struct od_storage *storage, od_slice name,
                                        const struct od_alarm_row *row, bool unconfirmed,
                                        struct od_error *err);
OD_MUST_CHECK bool od_storage_delete_alarm(struct od_storage *storage, od_slice name,
                                           bool unconfirmed, struct od_error *err);

// What came of ringing it, for which there is room in every stretch: [again], or NULL: it is over.
void od_storage_end_alarm(struct od_storage *storage, od_slice name,
                          const struct od_alarm_row *again);

// Puts all of them, by name, behind what is in [alarms]: (str name, str row)*. Fails as a list
// does.
OD_MUST_CHECK bool od_storage_list_alarms(struct od_storage *storage, struct od_bytes *alarms,
                                          struct od_error *err);

// Puts the pairs of [range], in order, behind what is in [pairs]: (str key, str value)*. [count] is
// how many. Fails when they are more than OD_STORE_LIST_BYTES_MAX; [pairs] is then as it was.
OD_MUST_CHECK bool od_storage_list(struct od_storage *storage, const struct od_range *range,
                                   struct od_bytes *pairs, uint64_t *count, struct od_error *err);

// The same in pieces of about OD_STORE_LIST_PIECE_BYTES, so that a large list need not lie in one
// place, nor be read in one turn. Nothing may be written in between.
struct od_list_pieces {
    struct od_range range; // What is left.
    size_t bytes;          // Of all so far.
    bool is_over;          // The last was the last.
    char key[OD_STORE_KEY_BYTES_MAX];
};

void od_list_pieces_init(struct od_list_pieces *pieces, const struct od_range *range);
OD_MUST_CHECK bool od_storage_list_piece(struct od_storage *storage, struct od_list_pieces *pieces,
                                         struct od_bytes *pairs, struct od_error *err);

// The bytes of a page, OD_STORE_PAGE_BYTES; zeros when there is no such page. False: it is damaged.
OD_MUST_CHECK bool od_storage_get_page(struct od_storage *storage, uint32_t page, char *bytes);
bool od_storage_has_page(struct od_storage *storage, uint32_t page);

// Pages cannot be refused, as whoever writes them has no way back: the pager asks before how many
// bytes the stretch still has room for. Effects always wait for them.
void od_storage_put_page(struct od_storage *storage, uint32_t page, const char *bytes);
void od_storage_delete_page(struct od_storage *storage, uint32_t page);
size_t od_storage_room_bytes(const struct od_storage *storage);

// Whether the open stretch has written that page, and what it wrote over; false: nothing was there.
bool od_storage_has_open_page(const struct od_storage *storage, uint32_t page);
OD_MUST_CHECK bool od_storage_get_page_beneath(struct od_storage *storage, uint32_t page,
                                               char *bytes);

enum od_mark_kind {
    OD_MARK_ALL,   // Of whatever it has stored.
    OD_MARK_PAGES, // Of its pages alone.
};

// Marks it as it is now, 0 never; and whether it still is, also when the object slept meanwhile.
// True is certain; after a worker's end, or when many others were marked, it is false.
uint64_t od_storage_mark_now(struct od_storage *storage, enum od_mark_kind kind);
bool od_storage_is_as_marked(const struct od_storage *storage, uint64_t number);

// The end of a synchronous stretch. Returns the submission it will be part of; 0: it wrote nothing,
// or is held.
od_seq od_storage_seal(struct od_storage *storage);

// Takes back all writes of the open stretch, or those since a mark of the same stretch: pairs and
// alarms, not pages.
void od_storage_discard(struct od_storage *storage);
uint64_t od_storage_mark(const struct od_storage *storage);
void od_storage_rollback(struct od_storage *storage, uint64_t mark);

// Its rows have gone from here to another node, or have come: what is known of where they lie, and
// what was read of them, is forgotten. Nothing may be open.
void od_storage_moved(struct od_storage *storage);

// From here on the stretch, in which nothing may be open, is held; then it is an ordinary one
// again, with all that was written. Discarding and losing writes end it too.
void od_storage_hold(struct od_storage *storage);
void od_storage_let_go(struct od_storage *storage);

// A part of a stretch that can be taken back, pages too; parts lie inside each other, and each is
// known by its mark. While there is one the stretch is held. To undo the innermost does not end it.
// To end it can fail when it is to be kept: then it is undone. After a discard none is open.
uint64_t od_storage_begin_part(struct od_storage *storage);
void od_storage_undo_part(struct od_storage *storage, uint64_t mark);
OD_MUST_CHECK bool od_storage_end_part(struct od_storage *storage, uint64_t mark, bool keep,
                                       struct od_error *err);

// Gives back what is only kept to be quick. Not while a part is open.
void od_storage_rest(struct od_storage *storage);

// Whether the open stretch has written what a wait would seal.
bool od_storage_would_seal(const struct od_storage *storage);

// What an effect caused now has to wait for: 0 when all confirmed writes are on disk,
// OD_SEQ_UNKNOWN when a held stretch has some.
od_seq od_storage_pending_seq(const struct od_storage *storage);

// The same without what is held.
od_seq od_storage_sealed_seq(const struct od_storage *storage);

// The same over unconfirmed writes too, but not over what is held: what sync() waits for.
od_seq od_storage_sync_seq(const struct od_storage *storage);

// Something is stored, or will be when what is open and on its way is there.
bool od_storage_has_anything(struct od_storage *storage);

// Nothing open and nothing on its way: the object's struct may go.
bool od_storage_is_clean(const struct od_storage *storage);

#endif
