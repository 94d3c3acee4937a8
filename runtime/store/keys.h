// How keys look in the data file.
//
//   slot 2 | number 8 | PAIR 1 | user key                     big-endian, so byte order is
//   slot 2 | number 8 | CHAIN 1 | chain 8 | rest of user key   their order
//   slot 2 | number 8 | ALARM 1 | name                        (alarm.h)
//   slot 2 | number 8 | PAGE 1 | page 4                       (squeeze.h)
//
// An object is one range and a slot is one. LMDB allows keys of 511 bytes, users 2,048: what is
// longer than a *piece* goes on in a chain. A chain is a range of its own with a number; in the
// range above it stands a *link*: the piece, one byte more, and the number as its value. Since all
// keys that begin with a whole piece lie below that one link, and the key that is just this piece
// stands right before it, walking into each link at its place gives unsigned byte order over
// everything. A key of 2,048 bytes is five ranges deep.
//
// The alternative was one value that holds all long keys with the same piece in order. It is
// rewritten by each put, so a few thousand long keys would hold up the committer, and with it
// everybody.

#ifndef OD_STORE_KEYS_H
#define OD_STORE_KEYS_H

#include "base/slice.h"
#include "store/slot.h"

#define OD_KEY_BYTES_MAX 511   // LMDB's.
#define OD_KEY_PIECE_BYTES 480 // Of a user key in one range.
#define OD_KEY_OBJECT_BYTES 10 // slot | number
#define OD_KEY_RUN_BYTES_MAX 19

enum od_row_kind {
    OD_ROW_PAIR = 0x10,
    OD_ROW_CHAIN = 0x11,
    OD_ROW_ALARM = 0x12, // Without a name the alarm, with one a schedule.
    OD_ROW_PAGE = 0x13,
};

// What all keys of one range begin with.
struct od_run {
    size_t size;
    char bytes[OD_KEY_RUN_BYTES_MAX];
};

struct od_key {
    size_t size;
    char bytes[OD_KEY_BYTES_MAX];
};

struct od_run od_run_of_object(od_slot slot, uint64_t number); // All kinds; for sweeping.
struct od_run od_run_of_pairs(od_slot slot, uint64_t number);
struct od_run od_run_of_chain(od_slot slot, uint64_t number, uint64_t chain);
struct od_run od_run_of_alarms(od_slot slot, uint64_t number);
struct od_run od_run_of_pages(od_slot slot, uint64_t number);
bool od_run_has(const struct od_run *run, od_slice key);

// The key of a pair, or of the link when [key] is longer than a piece.
void od_key_build(struct od_key *built, const struct od_run *run, od_slice key);
void od_key_build_last(struct od_key *built, const struct od_run *run); // Behind all of the run.

od_slice od_key_slice(const struct od_key *key);

#define OD_PAGE_KEY_BYTES 4

// What stands behind the run in the key of a page; written to [room].
od_slice od_page_key(char room[OD_PAGE_KEY_BYTES], uint32_t page);

#endif
