// All connections of one worker.
//
// What is written in one turn is gathered in the wires and leaves in od_net_flush with one system
// call a wire; that is what carries the throughput.
//
// Order: od_loop_poll finds what can be read → od_net_read reads it and tells events (events.h) →
// answers and frames are put → od_net_flush.
//
// Process: worker. Owner: embedded in the worker; all WebSockets must be freed before
// od_net_deinit.

#ifndef OD_NET_NET_H
#define OD_NET_NET_H

#include "base/error.h"
#include "base/list.h"
#include "base/map.h"
#include "base/spares.h"
#include "codec/deflate.h"
#include "codec/masks.h"
#include "link/loop.h"
#include "link/networks.h"
#include "link/unbegun.h"
#include "net/events.h"
#include "net/keepalive.h"
#include "net/limits.h"
#include "net/lookout.h"

#define OD_NET_READ_BYTES_MAX 65536 // And so what is read ahead of a request that is answered.
#define OD_NET_SPARES_MAX 256       // As many wires can answer in a turn without asking for memory.

struct od_dials;
struct od_fetches;
struct od_frame_decoder;
struct od_going;
struct od_meters;
struct od_worker_page;

struct od_net {
    struct od_loop *loop;
    const struct od_net_events *events;
    void *owner;                 // First argument of the events.
    struct od_net_limits limits; // May be changed; holds for what is checked from then on.
    struct od_lookout lookout;
    uint64_t reads;       // So many times it has read from a wire.
    struct od_list wires; // All of them.
    struct od_list dirty; // Those with something to do in od_net_flush,
    struct od_list late;  // and those that do it when the others have had their time.
    uint32_t late_count;
    struct od_list touched;  // WebSockets that may not be at rest: od_net_settle looks at them.
    struct od_list promised; // Those that will be touched if the event that runs comes to its end.
    bool is_in_event;
    struct od_list line;     // WebSockets that hold what was read (od_net_read_on).
    size_t inflating_bytes;  // What they hold of messages that are not whole yet.
    size_t inflatable_bytes; // How much the one that is read may inflate before it has to line up.
    struct od_frame_decoder *decoder; // For the next that is read; NULL: the last one keeps it.
    size_t coming_bytes;              // See limits.h.
    size_t going_bytes;
    char *read_bytes; // One buffer for all: what one wire reads in one turn.
    struct od_going *spares[OD_NET_SPARES_MAX]; // For what wires send (wire_inner.h), those
    size_t spare_count;                         // that no wire has.
    struct od_spares spare_bytes;               // Of requests, heads and records.
    struct od_map exchanges;
    uint32_t websocket_count;
    uint64_t last_exchange; // Number of the youngest.
    struct od_keepalives keepalives;
    struct od_deflate *deflate;
    struct od_masks masks;
    struct od_fetches *fetches;  // NULL before the first (fetch.h).
    struct od_dials *dials;      // The same (dial.h).
    struct od_list tunnels;      // tunnel.h.
    bool fetch_inside_denied;    // No fetch of a private address; may be changed.
    struct od_worker_page *page; // Of this worker; NULL: nobody looks.
    struct od_unbegun unbegun;   // There, what HTTP connections have read.
    struct od_meters *meters;    // NULL: nobody counts.
    bool is_draining;
    bool is_held;    // See od_net_hold.
    bool tells_over; // Somebody counts connections; may be changed before the first.
    struct od_networks trusted_proxies; // Whose X-Forwarded-For is believed.
    od_slice allowed_hosts;             // link/origin.h; by which names these may be opened.
    od_slice allowed_origins;           // link/origin.h; of pages that may open WebSockets.
    uint64_t foreign_pages;             // So many others have tried.
};

// Starts libwebsockets on [loop]; limits are the defaults. An error says which package is missing.
OD_MUST_CHECK bool od_net_init(struct od_net *net, struct od_loop *loop,
                               const struct od_net_events *events, void *owner,
                               struct od_error *err);

// Cuts what is still open (waiting requests are told to be gone) and runs the loop until it is
// closed.
void od_net_deinit(struct od_net *net);

// Ends a connection that was given to this process and that no wire has.
void od_net_hang_up(struct od_net *net, int fd);
void od_net_close(struct od_net *net, int fd); // One that is over both ways.

// How long a body or message may have taken of which [size] bytes have come.
od_time_ms od_net_transfer_ms(const struct od_net *net, size_t size);

// Reads once from each connection on which od_loop_poll has found something. Outside of all
// callbacks, so whoever is told a message may deal with it at once.
void od_net_read(struct od_net *net);

// What was written since the last flush leaves, and connections that are done are closed, for a
// bounded time. Frames for many sockets at once come last, so that an answer to one does not wait
// for a thousand others; whether some are left, which is no reason for the loop to wait.
void od_net_flush(struct od_net *net);
bool od_net_flushes_on(const struct od_net *net);

// So many are left that whoever sends to many sockets at once has to wait with the next, or it
// would pile up here what its readers would have taken.
bool od_net_is_behind(const struct od_net *net);

// A turn's share of what WebSockets hold because it is large when inflated, and whether some hold
// more, which is no reason for the loop to wait. A message is inflated in pieces, over as many
// turns as it takes, so that others come to their right.
void od_net_read_on(struct od_net *net);
bool od_net_reads_on(const struct od_net *net);

// The page (link/worker_page.h) shows for each kept WebSocket whether it is at rest: all that was
// read is dealt with, all that was put is with the kernel or about to be. What an event puts counts
// from its end on: an event that never ends owes nobody anything. An event begins and ends:
void od_net_begin_event(struct od_net *net);
void od_net_end_event(struct od_net *net);

// Events are handled, and main knows all of it: what is at rest now is shown so. Order: before
// od_net_flush, for who has his answer may count on it that his socket is at rest.
void od_net_settle(struct od_net *net);

// From now on a connection ends with the answer it waits for; idle ones end at once.
void od_net_drain(struct od_net *net);
bool od_net_is_idle(const struct od_net *net); // Nothing is left to read, do or send.

// From now on nothing is read but bodies for which handlers wait: another process will go on with
// the connections, and what clients send waits for it in the kernel.
void od_net_hold(struct od_net *net);

// What was read is told, and nothing is left to send but to peers of WebSockets.
bool od_net_can_part(const struct od_net *net);

#endif
