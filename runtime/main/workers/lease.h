// Leases: the HTTP connections that workers have, as main sees them.
//
// A worker can die in the middle of a request, or be killed because one of its objects never ends.
// So main keeps its descriptor of each connection that it hands over, with what it had read of it,
// until the worker has let go. How far a request has come stands on the worker's page
// (link/worker_page.h) and costs no message. When the worker ends, a connection
//
//   whose request has not begun             goes back to the door with all that was read of it
//   that is between two requests            goes back to the door and is read there
//   whose request has begun                 is answered 503, and then as those above
//   of whose answer a part has left         is reset: nobody knows what was to follow
//
// so no client is left without a word, and nothing that has begun begins anew. What was read is
// what main had read, which it forgets soon after that request began, and what the worker has read
// since and not begun (link/unbegun.h). Main keeps no more than OD_LEASE_BYTES_MAX of it; beyond
// that, such a request is answered 503.
//
// Process: main. Owner: embedded in the server; descriptors belong to the leases.

#ifndef OD_MAIN_WORKERS_LEASE_H
#define OD_MAIN_WORKERS_LEASE_H

#include "base/list.h"
#include "main/door/door.h"

struct od_child;
struct od_lease;

struct od_lease_table {    // Of one worker.
    struct od_lease **all; // By place; NULL: free.
    uint32_t *free;        // Places below [count] that are.
    uint32_t count, free_count, capacity;
    uint32_t blocks_left; // While the worker's are given back (link/unbegun.h).
    const struct od_worker_page *page;
};

struct od_leases {
    struct od_door *door;
    struct od_list asking; // Those with bytes, oldest first.
    size_t bytes;          // Of all of them.
    struct od_timer forget_timer;
    struct od_lease_table *tables;
    uint32_t table_count;
};

void od_leases_init(struct od_leases *leases, struct od_door *door, uint32_t worker_count);
void od_leases_deinit(struct od_leases *leases); // Closes what is left.

// [arrival] is about to be handed to [child], with all that was read of it. Its place on the page:
// its descriptor belongs to the leases, which lend it to the link. OD_PAGE_NO_PLACE: it cannot be
// looked after, and stays the caller's.
uint32_t od_leases_add(struct od_leases *leases, struct od_child *child,
                       const struct od_arrival *arrival, od_slice bytes);

// CONNECTION_LEFT. False: nobody has that place.
OD_MUST_CHECK bool od_leases_left(struct od_leases *leases, const struct od_child *child,
                                  uint32_t place);

// SOCKET_KEEP: the connection at [place] has become a WebSocket. Its descriptor, which is the
// caller's from here on; -1: nobody has that place, or its worker has not let go of it.
int od_leases_take(struct od_leases *leases, const struct od_child *child, uint32_t place);

// [child] has ended; its page can still be read.
void od_leases_end(struct od_leases *leases, const struct od_child *child);

#endif
