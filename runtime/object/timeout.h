// The timers of a script: od.setTimeout and od.setInterval.
//
// A timer that is due puts an event into the inbox, as all does that reaches an object. So its
// callback is a task of its own: it runs in the middle of nobody's stretch, waits while there is a
// critical section, and is reported and limited like any handler.
//
// Timers belong to the instance, which holds their functions: when it is dropped (a reset, new
// code, the end of the worker), they are gone, and what must happen is a matter for an alarm. As
// long as there is one, the object is not idle. An instance that had timers and made way for new
// code is followed by its successor at once, whose constructor can set them again: nobody else
// might come to wake it.
//
// Those of the entry belong to the version of the script: a new one has none of them.
//
// Order: by the time they are due, then by when they were set. Never early. An interval has one
// event at a time: when its callback has ended it is set for the next multiple of its period, and
// what it has missed is left out.
//
// Owner: its object; freed once it has run, when it is cleared, and with the instance.

#ifndef OD_OBJECT_TIMEOUT_H
#define OD_OBJECT_TIMEOUT_H

#include "base/map.h"
#include "base/timers.h"
#include "object/parts/event.h"

struct od_object;

struct od_timeout {
    struct od_map_node by_id; // Among the worker's.
    uint64_t id;
    struct od_list link; // In the object's, oldest first.
    struct od_object *object;
    struct od_timer timer;  // Not set while it is due or runs.
    od_time_ms period_ms;   // 0: it runs once.
    struct od_event *event; // While that is in the inbox.
};

// Sets the timer [id], a number of which nothing else has been named, to be due in [ms]; with
// [repeats] again and again. The object must have fewer than OD_TIMEOUTS_MAX.
void od_timeout_set(struct od_object *object, uint64_t id, od_time_ms ms, bool repeats);

// Clears it if it is one of [object] and has not run yet; also when its event waits already.
void od_timeout_clear(struct od_object *object, uint64_t id);

// Its event leaves the inbox to be handled, and later it has been.
void od_timeout_begin(struct od_object *object, const struct od_event *event);
void od_timeout_end(struct od_object *object, uint64_t id);

void od_timeouts_clear(struct od_object *object); // The instance is dropped.

// In how many milliseconds the first of them is due, 0 when one is; -1 when none waits.
od_time_ms od_timeouts_next_ms(const struct od_object *object);

#endif
