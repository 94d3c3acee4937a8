// An arrival: one connection from its accept until a worker has it.
//
// Its first request head is read here, under a limit and a deadline, because the path in it says
// which worker gets the connection. Most heads come whole with the first read: such an arrival
// allocates nothing for its bytes and is never polled. What was read goes along, so nothing is lost
// and the worker reads the head again: parsing twice costs less than a second format.
//
//   READING ──head──► (a worker) or, while that one is being replaced, WAITING ──► (a worker)
//      └──── malformed, too long, too slow; WAITING too long, or in vain ───► LINGERING ──► gone
//
// A peer of --trusted-proxies may begin with a header of the PROXY protocol: then the arrival is of
// the client it names. The process in which TLS ends begins with one always, to tell of its client.
//
// A connection whose worker has ended comes back here (main/workers/lease.h): its request waits for
// another worker, or it is answered, and read on.
//
// LINGERING has been answered and reads into the void until the client closes: had we closed at
// once, the kernel would answer late bytes with a reset, and the client would never read why.
//
// Owner: the door, in one list for each state. It frees itself.

#ifndef OD_MAIN_DOOR_ARRIVAL_H
#define OD_MAIN_DOOR_ARRIVAL_H

#include <netinet/in.h>
#include <uv.h>

#include "base/list.h"
#include "base/timers.h"
#include "codec/http_head.h"

struct od_door;
struct od_returned;

enum od_arrival_state {
    OD_ARRIVAL_READING,
    OD_ARRIVAL_WAITING,
    OD_ARRIVAL_LINGERING,
    OD_ARRIVAL_STATE_COUNT,
};

struct od_arrival {
    struct od_door *door;
    struct od_list link; // In the door's list of [state], oldest first.
    enum od_arrival_state state;
    int fd;
    uint64_t number; // Of the connection, if it is counted (connection_limit.h).
    od_time_ms accepted_ms;
    struct od_timer deadline;
    struct od_http_head head;
    struct od_bytes bytes; // Read so far, unless one read was enough.
    size_t drained_bytes;
    bool has_poll;
    uv_poll_t poll;
    bool may_introduce; // A trusted proxy, which may begin by saying for whom it connects.
    char peer[INET6_ADDRSTRLEN];
    uint32_t times_returned;
    bool is_tls;         // The client speaks TLS, which main/processes/tls_process.h has ended,
    struct od_bytes tls; // and how (link/request.h), once it is introduced.
};

// Takes [fd] and reads what is there; it may have a worker already when this returns.
void od_arrival_start(struct od_door *door, int fd, const struct in6_addr *peer, bool is_tls);

// The same for one that comes back from a worker; takes descriptor and bytes. Not for
// OD_RETURN_LEFT and _CUT.
void od_arrival_return(struct od_door *door, struct od_returned *returned);

// Writes [tls] as of a request (link/request.h).
void od_arrival_note_tls(struct od_bytes *tls, od_slice version, od_slice server_name);

// 503 to the client at [fd], whose worker has ended. False: it cannot be told.
bool od_arrival_say_failed(int fd, bool keeps_alive);

// Appends it as what its worker gets (codec/newcomer.h), with [bytes], in which its head was read.
void od_arrival_put(const struct od_arrival *arrival, uint32_t place, od_slice bytes,
                    struct od_bytes *out);

void od_arrival_retry(struct od_arrival *arrival); // WAITING: asks again for its worker.

void od_arrival_end(struct od_arrival *arrival); // Closes without a word.

#endif
