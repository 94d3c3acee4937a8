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
// Process: workers. Thread: the loop's.
// Owner: embedded in the object, 64 bytes while nothing is on its way; [identity] is the object's
// and must not move.

#ifndef OD_STORE_STORAGE_H
#define OD_STORE_STORAGE_H

#include "base/error.h"
#include "store/batch.h"
#include "store/limits.h"
#include "store/range.h"

struct od_store;
struct od_overlay;

struct od_storage {
    struct od_store *store;
    const struct od_identity *identity;
    struct od_overlay *overlay; // NULL while nothing is open or on its way.
    uint64_t number;            // Of the object's rows; 0 while not known.
    bool is_absent;             // Known to have no rows.
    bool is_held;               // The stretch stays open beyond the turn.
    bool has_failed;            // See od_storage_has_failed.
    od_seq confirmed_seq;       // The last sealed batch effects have to wait for.
    od_seq written_seq;         // The last sealed batch.
    void *owner;                // For whoever embeds it; see od_store_failed.
};

void od_storage_init(struct od_storage *storage, struct od_store *store,
                     const struct od_identity *identity);
void od_storage_deinit(struct od_storage *storage); // Forgets what is open or on its way, too.

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

// Takes the alarm too, and the same time for one key or a million. Nothing is written when there is
// nothing.
OD_MUST_CHECK bool od_storage_delete_all(struct od_storage *storage, bool unconfirmed,
                                         struct od_error *err);

// The alarm as it is now, with what is open and on its way. False: there is none.
bool od_storage_alarm(struct od_storage *storage, struct od_alarm *alarm);

// In place of the one there is. Nothing is deleted when there is none.
OD_MUST_CHECK bool od_storage_set_alarm(struct od_storage *storage, const struct od_alarm *alarm,
                                        bool unconfirmed, struct od_error *err);
OD_MUST_CHECK bool od_storage_delete_alarm(struct od_storage *storage, bool unconfirmed,
                                           struct od_error *err);

// What came of ringing it, for which there is room in every stretch: [again], or NULL: it is over.
void od_storage_end_alarm(struct od_storage *storage, const struct od_alarm *again);

// Puts the pairs of [range], in order, behind what is in [pairs]: (str key, str value)*. [count] is
// how many. Fails when they are more than OD_STORE_LIST_BYTES_MAX; [pairs] is then as it was.
OD_MUST_CHECK bool od_storage_list(struct od_storage *storage, const struct od_range *range,
                                   struct od_bytes *pairs, uint64_t *count, struct od_error *err);

// The end of a synchronous stretch. Returns the submission it will be part of; 0: it wrote nothing,
// or is held.
od_seq od_storage_seal(struct od_storage *storage);

// Takes back all writes of the open stretch, or those since a mark of the same stretch.
void od_storage_discard(struct od_storage *storage);
uint64_t od_storage_mark(const struct od_storage *storage);
void od_storage_rollback(struct od_storage *storage, uint64_t mark);

// From here on the stretch, in which nothing may be open, is held; then it is an ordinary one
// again, with all that was written. Discarding and losing writes end it too.
void od_storage_hold(struct od_storage *storage);
void od_storage_let_go(struct od_storage *storage);

// What an effect caused now has to wait for: 0 when all confirmed writes are on disk,
// OD_SEQ_UNKNOWN when a held stretch has some.
od_seq od_storage_pending_seq(const struct od_storage *storage);

// The same without what is held.
od_seq od_storage_sealed_seq(const struct od_storage *storage);

// The same over unconfirmed writes too, but not over what is held: what sync() waits for.
od_seq od_storage_sync_seq(const struct od_storage *storage);

// Nothing open and nothing on its way: the object's struct may go.
bool od_storage_is_clean(const struct od_storage *storage);

#endif
