// The page a worker shares with main: what it does now, readable without asking it.
//
// A worker that loops in a script answers no message, and one that was killed says nothing any
// more. What main has to know then stands in memory that both map: which event runs, for each kept
// socket whether its connection could go on in another process, and for each HTTP connection how
// far its request has come. Writing it costs a few stores, so the worker does it for every event
// and every read.
//
// Connections have places here: sockets below OD_PAGE_SOCKETS_MAX, given out by the worker; HTTP
// connections behind them, given out by main (main/workers/lease.h).
//
// [moment] counts the beginnings and ends of events, so it is odd while one runs; names are written
// before it becomes odd. Main reads them between two equal values.
//
// A worker that stands still between events (it was stopped, or hangs where no script runs) shows
// in [turns]. One that has nothing to do takes none either, so main asks for one now and then.
//
// Each life of a worker has a page of its own: nothing of a dead one has to be cleaned up, and what
// it left stays readable until main has dealt with it. Pages nobody wrote to take no memory.
//
// Process: main makes and reads it, the worker writes. Owner: whoever mapped it;
// od_worker_page_free.

#ifndef OD_LINK_WORKER_PAGE_H
#define OD_LINK_WORKER_PAGE_H

#include <stdint.h>

#include "base/error.h"
#include "link/meters.h"

#define OD_PAGE_SOCKETS_MAX 131072 // Sockets beyond it are served but not kept.
#define OD_PAGE_LEASES_MAX 65536   // HTTP connections beyond it are served but not looked after.
#define OD_PAGE_PLACES_MAX (OD_PAGE_SOCKETS_MAX + OD_PAGE_LEASES_MAX)
#define OD_PAGE_NO_PLACE UINT32_MAX
#define OD_PAGE_NEVER_SENT UINT64_MAX // [before]: a part may have left; [sent]: nobody counts.
#define OD_PAGE_ID_BYTES 32
#define OD_PAGE_NUMBERS_A_TURN_MAX (1u << 24)
#define OD_PAGE_BLOCKS_MAX 4096 // For requests that were read and have not begun, 16 MiB in all.
#define OD_PAGE_BLOCK_BYTES 4088
#define OD_PAGE_CALLS_MAX 16384 // Calls of other workers that have begun.

enum od_worker_page_flag { // Of a socket; none: it can go on elsewhere as if nothing had happened.
    OD_PAGE_BUSY = 1,      // Bytes were read that are not dealt with, or an event of it runs.
    OD_PAGE_SENDING = 2,   // Frames are on their way; all with the kernel if that counts [sent].
    OD_PAGE_CLOSING = 4,   // A Close was sent or received: another must not follow.
    OD_PAGE_EVENTS = 8,    // It is an event stream, which knows no Close.
    OD_PAGE_MASKS = 16,    // We are the client: our frames are masked.

    // Of an HTTP connection, whose flags above mean: bytes were read that are not among its
    // [unbegun] ones; an answer is on its way; and the connection ends behind it. None: all that
    // was read of it is what main had read, and behind it the [unbegun] bytes.
    OD_PAGE_BEGUN = 8,     // The handler of its request began, or another worker was asked.
    OD_PAGE_WHOLE = 16,    // That request was read to its end, and it keeps the connection.
    OD_PAGE_ANSWERED = 32, // What main had read is over; without [unbegun] bytes it is at rest.
    OD_PAGE_LEFT = 64,     // The worker has it no more.
    OD_PAGE_PIECES = 128,  // Of its answer a part may have left, and not all of it is made.
};

#define OD_PAGE_CLOSE_NAME "webSocketClose"          // main/workers/quarantine.h counts these,
#define OD_PAGE_EVENTS_CLOSE_NAME "eventStreamClose" // as well as these,
#define OD_PAGE_ALARM_NAME "alarm"                   // main/workers/alarm_clock.h these,
#define OD_PAGE_CONSTRUCTOR_NAME "constructor"       // with constructors that run for them.
#define OD_PAGE_LOADING_NAME "loading"               // The script itself, by no object.

struct od_worker_page_event {
    uint64_t moment;
    uint8_t id[OD_PAGE_ID_BYTES]; // Zeros: it is no object (the entry, or the script loads).
    char label[200];              // "rooms/lobby"; cut when it is longer.
    char name[32];                // "webSocketMessage"
};

struct od_page_block { // Of bytes (link/unbegun.h).
    uint32_t next;     // Counted from 1; 0: the last.
    uint32_t size;
    char bytes[OD_PAGE_BLOCK_BYTES];
};

struct od_page_call { // Of another worker, that this one has begun (object/parts/call_mark.h).
    uint64_t number;  // There; 0: none.
    uint32_t worker;
};

struct od_worker_page {
    uint64_t last_number;    // Of sockets and calls, told once a turn. It never goes back, over
                             // all lives of a worker, so an old number finds nothing.
    uint64_t files[4];       // Device and inode of data.mdb and lock.mdb as main has them open.
    uint32_t first_socket;   // Places below this are given out by main already.
    uint64_t turns;          // So many it has begun.
    int64_t run_until_ms;    // Of a cluster, by main: handlers run until then,
    int64_t answer_until_ms; // and answers leave; monotonic. 0: for ever.
    struct od_meters meters;
    struct od_worker_page_event event;
    uint8_t flags[OD_PAGE_PLACES_MAX];
    uint64_t sent[OD_PAGE_PLACES_MAX];    // See link/sent.h; of a lease first by main.
    uint64_t before[OD_PAGE_LEASES_MAX];  // [sent] without the answers that are SENDING.
    uint32_t unbegun[OD_PAGE_LEASES_MAX]; // The first block, counted from 1; 0: none.
    struct od_page_block blocks[OD_PAGE_BLOCKS_MAX];
    int64_t answered_ms[OD_PAGE_SOCKETS_MAX]; // The last auto response, wall clock; 0: never.
    struct od_page_call calls[OD_PAGE_CALLS_MAX];
    uint32_t call_count;    // So many of these were ever used.
    uint8_t calls_overflow; // Some that have begun are not there.
};

// [fd] is for the child, which inherits it; the caller closes it.
OD_MUST_CHECK bool od_worker_page_new(struct od_worker_page **page, int *fd, struct od_error *err);
// In the child; takes [fd].
OD_MUST_CHECK bool od_worker_page_open(struct od_worker_page **page, int fd, struct od_error *err);
void od_worker_page_free(struct od_worker_page *page); // NULL is allowed.

// An event begins, and ends. [id] NULL: no object. [name] NULL: that of the last one.
void od_worker_page_begin(struct od_worker_page *page, const uint8_t *id, const char *label,
                          const char *name);
void od_worker_page_begin_again(struct od_worker_page *page); // As the last one.
void od_worker_page_end(struct od_worker_page *page);

void od_page_turn(struct od_worker_page *page); // A turn begins.

// Whether [until_ms] of the page has not passed, or is 0.
bool od_page_may(const int64_t *until_ms);

// Another number than before: events or turns have begun or ended since.
uint64_t od_page_progress(const struct od_worker_page *page);

// What runs now, or ran when its process ended. False: nothing.
bool od_worker_page_running(const struct od_worker_page *page, struct od_worker_page_event *event);

#endif
