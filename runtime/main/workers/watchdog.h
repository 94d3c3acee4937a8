// The watch over one worker: does it go on?
//
// Nothing a script does can be trusted to end: a compiled loop ignores hooks and signals, and one
// call of string.find can take a century. So main looks at the worker's page from outside, now and
// then, and counts how long it sees the same event. The worker pays a counter for it and no look at
// the clock.
//
// Between events a worker takes turns, which are counted as well. One that takes none for a while
// has most likely nothing to do: it is asked for a turn, and only if that does not come it stands
// still. So an idle worker is woken every OD_TURN_ASKED_MS and not more often.
//
// A pause between two looks that is longer than it should be (main was stopped, the machine slept)
// counts as a usual one, because the worker may not have run in it either.
//
// It only says what it sees. Who kills the worker, and starts another, is the supervisor.
//
// Process: main. Owner: embedded in struct od_child.

#ifndef OD_MAIN_WORKERS_WATCHDOG_H
#define OD_MAIN_WORKERS_WATCHDOG_H

#include "base/clock.h"
#include "link/worker_page.h"

enum od_sight {
    OD_SIGHT_WELL,
    OD_SIGHT_IDLE,       // It is to be asked for a turn (OD_KIND_TURN). Told once.
    OD_SIGHT_LONG_EVENT, // One event has been seen for the limit.
    OD_SIGHT_STILL,      // No event runs, and the turn that was asked for has not come within it.
};

struct od_watchdog {
    uint64_t progress; // Of its page, at the last look.
    od_time_ms looked_ms;
    od_time_ms seen_for_ms; // The same progress; since it was asked, when it was.
    bool is_asked;
};

// How often to look for a limit of [limit_ms].
od_time_ms od_watchdog_interval_ms(od_time_ms limit_ms);

// [event] is filled with what runs when that is a LONG_EVENT.
enum od_sight od_watchdog_look(struct od_watchdog *watchdog, const struct od_worker_page *page,
                               od_time_ms limit_ms, struct od_worker_page_event *event);

// What stands still is given so long: a shorter limit is meant for scripts.
od_time_ms od_watchdog_still_ms(od_time_ms limit_ms);

#endif
