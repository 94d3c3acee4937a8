// One write transaction of the committer, and the numbers it gives to objects and chains.
//
// Numbers count up from 1 and are never used again, so rows in the trash can belong to no new
// object. The counter is part of the transaction: what is undone gives its numbers back.
//
// Process: main. Thread: the committer's. Functions return LMDB's codes; 0 is good.

#ifndef OD_STORE_WRITE_H
#define OD_STORE_WRITE_H

#include "store/env.h"

struct od_write {
    struct od_env *env;
    MDB_txn *txn;
    uint64_t next_number;
    bool gave_numbers;
};

OD_MUST_CHECK int od_write_begin(struct od_write *write, struct od_env *env);
uint64_t od_write_number(struct od_write *write); // A number nobody has had.

// Ends the transaction in every case.
OD_MUST_CHECK int od_write_commit(struct od_write *write);
void od_write_abort(struct od_write *write);

#endif
