// The lookout: one epoll set of all connections, which libwebsockets watches as one descriptor.
//
// libwebsockets gives us the loop of libuv, and would gladly watch each connection; but it keeps
// nearly a kilobyte of each and, in Debian's build, walks a table as long as the limit of open
// files whenever one is closed. So it knows the set alone (its role raw-file), and tells that
// something has come; what that is, the set is asked in od_lookout_tell.
//
// A connection whose wire wants nothing is not in the set: epoll tells of a hung-up one always, and
// the loop would spin. Whoever closes a descriptor takes it out first, for epoll watches the
// connection and not its number, and main may have a duplicate.
//
// Process: worker. Owner: embedded in the net.

#ifndef OD_NET_LOOKOUT_H
#define OD_NET_LOOKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct lws_context;
struct od_loop;

enum od_lookout_wish { // Of a wire; they may be put together.
    OD_LOOKOUT_NOTHING = 0,
    OD_LOOKOUT_BYTES = 1, // Something may be read, or the peer is gone,
    OD_LOOKOUT_ROOM = 2,  // something may be sent, or the peer is gone.
    OD_LOOKOUT_GONE = 4,  // No wish; told beside the others: the peer is.
};

struct od_lookout {
    struct od_loop *loop;
    struct lws_context *context;
    int set;
    bool has_news; // libwebsockets has told so since the set was asked.
};

// An error says which package is missing.
OD_MUST_CHECK bool od_lookout_init(struct od_lookout *lookout, struct od_loop *loop,
                                   struct od_error *err);
void od_lookout_deinit(struct od_lookout *lookout); // Runs the loop. Also after a failed init.

// From now on [fd] is watched for [wishes] instead of [before], both of od_lookout_wish, and
// [ready] of od_lookout_tell is told [who]. False, with errno: the kernel does not watch it.
OD_MUST_CHECK bool od_lookout_set(const struct od_lookout *lookout, int fd, uint8_t before,
                                  uint8_t wishes, void *who);
void od_lookout_forget(const struct od_lookout *lookout, int fd, uint8_t before);

// Tells what is ready, of od_lookout_wish. Of many at once some may be left for the next turn.
// What is told of must not be freed from inside [ready], but for the one that is told.
void od_lookout_tell(struct od_lookout *lookout, void (*ready)(void *who, uint8_t what));

#endif
