// One write transaction, and the numbers it gives to objects and chains.
//
// Numbers count up from 1 and are never used again, so rows in the trash can belong to no new
// object. The counter is part of the transaction: what is undone gives its numbers back.
//
// What it reads and writes it looks at first (footing.h): a damaged page is a code of the one call,
// and the transaction can be aborted. Damage without which nothing can be written is
// OD_ENV_BASE_DAMAGED, at the beginning.
//
// A rehearsal is one without a transaction (rehearsal.h): it reads what was committed and looks at
// what would be written, and nothing changes. It is not ended, and goes on until something else was
// committed: what it has looked at, the next transaction stands on, with all that was rehearsed
// before it.
//
// Process: main. Thread: the follower's, a rehearsal's the committer's, at the start the loop's.
// Functions return LMDB's codes; 0 is good.

#ifndef OD_STORE_WRITE_H
#define OD_STORE_WRITE_H

#include "store/env.h"
#include "store/footing.h"

struct od_newest;

struct od_write {
    struct od_env *env;
    MDB_txn *txn; // NULL: a rehearsal.
    struct od_footing footing;
    uint64_t next_number;
    bool gave_numbers;
    const struct od_newest *newest; // What is left out of what is applied; NULL: nothing.
    uint64_t operations;            // So many of those that were noted there have been applied.
    size_t value_bytes;             // A rehearsal's: of the largest value.
};

OD_MUST_CHECK int od_write_begin(struct od_write *write, struct od_env *env);

// Begins, or goes on with, a rehearsal on the transaction [committed], which somebody reads; a
// zeroed one was never begun. [changes] may have been made to it by what is on its way. It must be
// begun anew (od_write_forget) when what was rehearsed is not written.
OD_MUST_CHECK int od_write_rehearse(struct od_write *write, struct od_env *env, uint64_t committed,
                                    uint64_t changes);
void od_write_forget(struct od_write *rehearsal);
uint64_t od_write_number(struct od_write *write); // A number nobody has had.

// For the tables of the environment.
OD_MUST_CHECK int od_write_get(struct od_write *write, MDB_dbi table, MDB_val key, MDB_val *value);
OD_MUST_CHECK int od_write_put(struct od_write *write, MDB_dbi table, MDB_val key, MDB_val value);
OD_MUST_CHECK int od_write_delete(struct od_write *write, MDB_dbi table, MDB_val key);

// Before a cursor goes to [key], deletes there, or goes on to the next: 0 when it can.
OD_MUST_CHECK int od_write_look(struct od_write *write, MDB_dbi table, MDB_val key);

// Ends the transaction in every case.
OD_MUST_CHECK int od_write_commit(struct od_write *write);
void od_write_abort(struct od_write *write);

#endif
