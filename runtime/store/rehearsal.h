// The rehearsal: before a group is promised, what it would write is looked at where LMDB will write
// it, and room is set aside.
//
// What would go where the data file is damaged is so refused before anybody relies on it. It is a
// write without a transaction (write.h), on what LMDB has committed; what is on its way there
// (gathering.h) was rehearsed before it. LMDB may be committing meanwhile: a transaction for
// reading keeps the pages that are looked at from being written over, from od_rehearsal_begin to
// od_rehearsal_end.
//
// Private to the layer. Process: main. Thread: the committer's. Functions return LMDB's and errno's
// codes; 0 is good.

#ifndef OD_STORE_REHEARSAL_H
#define OD_STORE_REHEARSAL_H

#include "store/gathering.h"
#include "store/room.h"
#include "store/write.h"

struct od_rehearsal {
    struct od_env *env;
    struct od_env_reader reader;
    struct od_write write;
    struct od_room room;
    struct od_unapplied unapplied; // What is durable and not in LMDB yet, when it began.
};

OD_MUST_CHECK int od_rehearsal_open(struct od_rehearsal *rehearsal, struct od_env *env);
void od_rehearsal_close(struct od_rehearsal *rehearsal);

// What comes into [gathering] is not looked at twice. Only after 0 there is an end.
OD_MUST_CHECK int od_rehearsal_begin(struct od_rehearsal *rehearsal,
                                     const struct od_gathering *gathering,
                                     const struct od_unapplied *unapplied);
OD_MUST_CHECK int od_rehearsal_look(struct od_rehearsal *rehearsal, od_slice submission);
// For [bytes] more in [count] submissions.
OD_MUST_CHECK int od_rehearsal_reserve(struct od_rehearsal *rehearsal, size_t bytes, size_t count);
void od_rehearsal_end(struct od_rehearsal *rehearsal);

// What was rehearsed is not written.
void od_rehearsal_forget(struct od_rehearsal *rehearsal);

#endif
