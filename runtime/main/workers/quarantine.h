// Which objects are refused for now, because a worker ended while it ran them.
//
// The event that ran when a worker ended is written on its page. If it passed its limit or crashed,
// the same event of the same object may do so again, and at each time everybody else in that worker
// waits. So the object is refused for a time that doubles when it happens again, and starts small:
// most accidents are over with the event that made them. The time begins when there is a worker
// again that could be ended by it: on a slow machine it would be over before. Where somebody else
// killed the worker (an operator, or the system for want of memory) the object is suspected only at
// the third time.
//
// What ran then: requests, calls and messages are over with the worker, and their callers and
// sockets are told. An alarm has failed: it is tried again like any that failed, six times
// (main/workers/alarm_clock.h). A close is told again, for the object counts on it; but after
// OD_CLOSE_LIVES_MAX workers that ended in its webSocketClose, those that the next worker would
// tell it of count as heard.
//
// Process: main. Owner: embedded.

#ifndef OD_MAIN_WORKERS_QUARANTINE_H
#define OD_MAIN_WORKERS_QUARANTINE_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "link/worker_page.h"

#define OD_QUARANTINED_MAX 64 // Remembered at once; the one blamed longest ago makes room.

struct od_quarantined {
    uint8_t id[OD_PAGE_ID_BYTES];
    uint32_t worker;
    uint32_t count;  // How often, without a calm time in between,
    uint32_t closes; // and how often of these in webSocketClose.
    od_time_ms last_ms;
    od_time_ms refused_ms; // The last time.
    od_time_ms until_ms;
    bool awaits_worker; // Its time is still to begin.
    char why[320];      // What callers are told.
};

struct od_quarantine {
    struct od_quarantined all[OD_QUARANTINED_MAX];
    uint32_t size;
};

// [event] ran when [worker] ended. Its object, when that is refused from now on; NULL: it is not.
const struct od_quarantined *od_quarantine_add(struct od_quarantine *quarantine, uint32_t worker,
                                               const struct od_worker_page_event *event,
                                               bool is_foreign);

// It is not told any more of sockets that were closed.
bool od_quarantined_hears_no_close(const struct od_quarantined *quarantined);

// For the next program (main/takeover.h).
void od_quarantine_put(const struct od_quarantine *quarantine, struct od_bytes *bytes);
OD_MUST_CHECK bool od_quarantine_take(struct od_quarantine *quarantine, struct od_cursor *cursor);

// Calls [visit] for the objects of [worker], which is there again, that are refused for [left_ms]
// more.
void od_quarantine_each(struct od_quarantine *quarantine, uint32_t worker,
                        void (*visit)(void *owner, const struct od_quarantined *quarantined,
                                      od_time_ms left_ms),
                        void *owner);

#endif
