// The watch over one worker: how long has the event that runs there been running?
//
// Nothing a script does can be trusted to end: a compiled loop ignores hooks and signals, and one
// call of string.find can take a century. So main looks at the worker's page from outside, now and
// then, and counts how long it sees the same event. The worker pays a counter for it and no look at
// the clock.
//
// A pause between two looks that is longer than it should be (main was stopped, the machine slept)
// counts as a usual one: what nobody could run in is nobody's fault.
//
// Process: main. Owner: embedded in struct od_child.

#ifndef OD_MAIN_WATCHDOG_H
#define OD_MAIN_WATCHDOG_H

#include "base/clock.h"
#include "link/page.h"

struct od_watchdog {
    uint64_t moment; // Of the event seen last; 0: none.
    od_time_ms looked_ms;
    od_time_ms seen_for_ms;
};

// How often to look for a limit of [limit_ms].
od_time_ms od_watchdog_interval_ms(od_time_ms limit_ms);

// True when [event], which is then filled, has been seen for [limit_ms].
bool od_watchdog_look(struct od_watchdog *watchdog, const struct od_page *page, od_time_ms limit_ms,
                      struct od_page_event *event);

#endif
