// Transfers of libcurl on the loop: one of its multi handles, whose descriptors and deadline libuv
// watches.
//
// libcurl calls back in the middle of its work; what has come of that is looked at afterwards, in
// [settle], where handles may be taken away.
//
// Process: worker. Owner: embedded in what transfers; zeroed and inited memory owns nothing.

#ifndef OD_NET_TRANSFERS_H
#define OD_NET_TRANSFERS_H

#include "link/loop.h"
#include "net/curl.h"

struct od_transfers {
    struct od_loop *loop;
    CURLM *multi;                // NULL: not begun.
    struct od_timer timer;       // What libcurl wants to be called for; may be set by the owner.
    void (*woken)(void *owner);  // The timer has fired; before libcurl is called. NULL: no matter.
    void (*settle)(void *owner); // Something may have ended: od_transfers_next_end.
    void *owner;
};

void od_transfers_init(struct od_transfers *transfers, struct od_loop *loop,
                       void (*woken)(void *owner), void (*settle)(void *owner), void *owner);

// Makes the multi handle. False: this machine has no libcurl.
OD_MUST_CHECK bool od_transfers_begin(struct od_transfers *transfers, struct od_error *err);

// The next that has ended; NULL: none.
const CURLMsg *od_transfers_next_end(const struct od_transfers *transfers);

// Its handles are removed already, or live no longer than this. Also when it has not begun.
void od_transfers_end(struct od_transfers *transfers);

#endif
