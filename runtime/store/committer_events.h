// What the committer tells (committer.h), and to whom.

#ifndef OD_STORE_COMMITTER_EVENTS_H
#define OD_STORE_COMMITTER_EVENTS_H

#include "store/batch.h"

// A source is one life of one worker: a replacement gets a number that was never used before, so
// that it cannot mistake news about its predecessor's submissions for its own.
//
// Order: for each source as it submitted; durable(N) before applied(N); failed after both for all
// that came before.
struct od_committer_events {
    void (*durable)(void *owner, uint32_t source, od_seq seq);
    void (*applied)(void *owner, uint32_t source, od_seq seq);
    void (*failed)(void *owner, uint32_t source, uint32_t generation, od_seq first_seq,
                   const char *why);
    void (*forgotten)(void *owner, uint32_t source); // See od_committer_forget.
    // LMDB cannot take what the journal has, because there is no room; it is tried again and again,
    // and what else is written waits once it is much. Told once for each such time.
    void (*stalled)(void *owner, const char *why);
    // Nothing can be written any more: [why] says what has happened to the files, and what to do.
    // What was not reported as durable until now will not be. Told once.
    void (*lost)(void *owner, const char *why);
    // Alarms were set, the earliest of them for [due_ms], and can be read from LMDB.
    void (*alarm)(void *owner, int64_t due_ms);
    // With an engine: what od_committer_order was told has been done.
    void (*placed)(void *owner, od_slot slot, bool is_here);
    void (*loaded)(void *owner, const uint8_t id[OD_ID_BYTES]); // It can be read from LMDB.
    // All of it can, or, with [only_alarms], its alarms; unless [is_whole]: a portion of that.
    void (*filled)(void *owner, od_slot slot, bool only_alarms, bool is_whole);
};

#endif
