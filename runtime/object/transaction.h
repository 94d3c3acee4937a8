// Transactions: a part of what an object writes that can be taken back as a whole.
//
// All writes of an object go the same way, with or without a transaction; it only remembers where
// in the open stretch it began. So it can be rolled back to that mark, and transactions inside each
// other are marks behind each other: what the outer one takes back includes what the inner one
// kept.
//
// Its code may wait, for time or for others. Therefore it is a critical section (section.h), in
// which nothing else of the object runs, and its stretch is held (store/storage.h): not sealed
// before the outermost one has ended, so all of it is stored at once or nothing. What the outside
// is told in between waits for that end. Only questions leave at once, with what was written before
// the transaction on disk: it is waiting for their answers.
//
// A transaction whose task ends without it (its function was left in a coroutine nobody resumes) is
// rolled back, and its section has the object reset.
//
// Owner: its object; one that is over is known by its number no more.

#ifndef OD_OBJECT_TRANSACTION_H
#define OD_OBJECT_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct od_object;
struct od_task;

enum od_transaction_state {
    OD_TRANSACTION_OPEN,
    OD_TRANSACTION_ROLLED_BACK, // Its function has not returned yet.
    OD_TRANSACTION_OVER,
};

// The running [task] begins one inside those that are open. Returns its number, or 0 when sections
// are nested too deeply.
OD_MUST_CHECK uint64_t od_transaction_begin(struct od_task *task);

enum od_transaction_state od_transaction_state(const struct od_object *object, uint64_t number);

// Whether another one is open inside it.
bool od_transaction_has_inner(const struct od_object *object, uint64_t number);

// Takes back all that was written since it began. It must be open, with none inside.
void od_transaction_roll_back(struct od_object *object, uint64_t number);

// Its function is over. What it wrote stays with [keep], unless it was rolled back. False: it was
// over already, or what it wrote cannot stay, and nothing of it does. One that is open inside it is
// over too, and then nothing stays.
OD_MUST_CHECK bool od_transaction_end(struct od_task *task, uint64_t number, bool keep,
                                      struct od_error *err);

// Those of [task], which is freed, or all with NULL, when the object is reset: nothing of them
// stays.
void od_transactions_abandon(struct od_object *object, const struct od_task *task);

#endif
