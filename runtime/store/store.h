// The store: a worker's side of the disk. It reads LMDB, gathers what the worker's objects wrote in
// a turn, and remembers what is on its way.
//
// Reading: one read transaction, begun at the first read of a turn and given back at its end,
// because a read transaction that stays open keeps every page it can see from being used again, and
// the file grows without end.
//
// Writing: each object's storage (storage.h) lays its writes over LMDB at once. At the end of the
// turn their batches go to the committer as a submission. What lies over LMDB is forgotten when the
// committer says "applied".
//
//   during a turn   od_storage_get, _put, ..., od_storage_seal after each synchronous stretch
//   end of a turn   while (od_store_next_submission(...)) send it; od_store_end_turn
//   news from main  od_store_durable, od_store_applied, od_store_failed (between stretches)
//
// What cannot be read because the data file is damaged there is an error of the object that asked
// (od_storage_has_failed); the others do not notice.
//
// Process: workers. Thread: the loop's. Must not cross a fork.
// Owner: the worker; storages must be gone before od_store_close.

#ifndef OD_STORE_STORE_H
#define OD_STORE_STORE_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/slab.h"
#include "store/batch.h"
#include "store/files.h"
#include "store/journal_visit.h"
#include "store/limits.h"
#include "store/measure.h"

struct od_reader;
struct od_storage;

// Made by od_store_open; the fields are the layer's own.
struct od_store_mark { // See od_storage_mark_now.
    uint8_t id[OD_ID_BYTES];
    bool is_of_pages;
    uint64_t number; // 0: none.
};

struct od_store {
    struct od_reader *reader;
    uint32_t generation;             // Raised when a commit has failed.
    od_seq seq;                      // Of the submission that is being gathered.
    od_seq durable_seq;              // The watermark,
    struct od_journal_moment moment; // and the group of the journal when it was told.
    struct od_list sealed;           // Overlay entries of all storages, oldest first;
    od_seq applied_seq;              // LMDB has those up to here.
    struct od_slab entries;          // The small ones, and those of open stretches.
    struct od_bytes spare;           // Memory for the next batch.
    uint64_t open_stretches;
    struct od_bytes turn; // (u64 seq, str batches)*: what is submitted at the end of this turn.
    size_t turn_head;     // Where the submission being gathered begins, when there is one.
    size_t turn_taken;    // Handed out by od_store_next_submission.
    bool is_gathering;
    struct od_list on_way; // Submissions that are not durable yet, oldest first.
    size_t on_way_bytes;
    bool is_behind;
    struct od_store_mark marks[OD_STORE_MARKS_MAX];
    uint64_t last_mark;
};

// What goes to the committer as one message.
struct od_submission {
    uint32_t generation;
    od_seq seq;
    od_slice batches; // Borrowed until od_store_end_turn.
};

// The committer must have opened [directory] before.
OD_MUST_CHECK bool od_store_open(struct od_store **store, const char *directory,
                                 struct od_error *err);

// False when it opened other files than main has: they were exchanged meanwhile.
OD_MUST_CHECK bool od_store_has_files(const struct od_store *store,
                                      const struct od_store_files *files, struct od_error *err);

void od_store_close(struct od_store *store); // NULL is allowed.

// What the directory knows of an object that has written, by its [id]. Slices are borrowed until
// the end of the turn. False when it never wrote, or deleted all, or when that cannot be read: the
// log says so.
bool od_store_identity_of(struct od_store *store, const uint8_t id[OD_ID_BYTES],
                          struct od_identity *identity);

// Adds what can be read of the object from LMDB, looking at no more than [rows_max] rows in all.
void od_store_measure(struct od_store *store, const uint8_t id[OD_ID_BYTES], uint64_t rows_max,
                      struct od_measure *measure);

// Puts the identities of all objects of the namespace [space] that have something stored, as far as
// it can be read from LMDB. It walks over every object there is.
void od_store_list(struct od_store *store, od_slice space, struct od_bytes *identities);

// Calls [visit] for each object that has something stored, as far as it can be read from LMDB, in
// the order of their slots and ids: from behind the place [after], which an earlier walk gave
// (empty: from the first), until it returns false.
void od_store_walk_directory(struct od_store *store, od_slice after,
                             bool (*visit)(void *context, od_slice place,
                                           const struct od_identity *identity),
                             void *context);

// Calls [visit] for each storage with writes of ended stretches that LMDB may not show yet; for one
// with many perhaps more than once.
void od_store_walk_coming(struct od_store *store,
                          void (*visit)(void *context, struct od_storage *storage), void *context);

// The journal, and its moment that has all that was told to be durable. False: it cannot be read.
OD_MUST_CHECK bool od_store_now(struct od_store *store, struct od_journal_mark *mark,
                                struct od_error *err);
const char *od_store_directory(const struct od_store *store);

// The next submission of this turn; false when there is no more. No stretch may be open.
bool od_store_next_submission(struct od_store *store, struct od_submission *submission);

// More is on its way than the disk takes: OD_STORE_ON_WAY_BYTES_MAX. What adds to it should wait
// until this is false again, which needs nothing but news from main.
bool od_store_is_behind(struct od_store *store);

// Gives back the read transaction and the submissions. Slices read in this turn are dead.
void od_store_end_turn(struct od_store *store);

// Slots have come: what they store is in LMDB, but not for who began to read before.
void od_store_look_anew(struct od_store *store);

// Up to [seq] writes are on disk, in groups up to [moment]: od_storage_pending_seq no longer names
// them.
void od_store_durable(struct od_store *store, od_seq seq, const struct od_journal_moment *moment);

// Up to [seq] writes can be read from LMDB: what lay over it is forgotten, of much a part.
void od_store_applied(struct od_store *store, od_seq seq);

bool od_store_forget(
    struct od_store *store); // The next part, in a later turn; true: there is more.

// Submissions from [first_seq] on are lost. Every storage that had writes among them forgets all it
// has over LMDB, and [broken] is called with it; its object must be reset. The generation is
// raised, so that what follows is heard again. News about a generation that is no longer ours is
// ignored.
void od_store_failed(struct od_store *store, uint32_t generation, od_seq first_seq,
                     void (*broken)(struct od_storage *storage));

#endif
