// The pace of the collector: memory goes back to the system when objects have gone to sleep.
//
// Lua's collector works while Lua runs. A worker whose objects all fell asleep runs no Lua, and
// would keep what they left for ever; so in turns that have nothing else to do tables that had
// grown with the number of instances are made anew, the collector is driven from here, a little at
// a time, until it has been through everything, and then malloc hands free pages back.
//
// It begins when objects were dropped and there is something to gain: as many of them went as
// stayed, or a tenth more is in use than was left the last time. It takes at most a tenth of the
// time, however often objects come and go. Where little is to be gained it waits until nothing has
// happened for a while: what is left over is small, but lies between pages that could be given
// back.
//
// Owner: embedded in struct od_engine.

#ifndef OD_ENGINE_GC_PACE_H
#define OD_ENGINE_GC_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct od_engine;

struct od_gc_pace {
    uint32_t live;             // Instances.
    uint32_t dropped;          // Since it began the last time.
    int cycles_left;           // Of the collector; 0: nothing is going on.
    size_t left_bytes;         // What was in use when it had ended,
    size_t seen_bytes;         // and at the last call; as long as that does not change,
    od_time_ms quiet_since_ms; // nothing happens.
    od_time_ms began_ms;
    od_time_ms not_before_ms; // The tenth of the time.
    bool is_winding_up;
};

// A turn has nothing else to do: does a bit. Returns in how many milliseconds it wants to be called
// again: 0 for at once, -1 for not before the next event.
od_time_ms od_gc_pace_step(struct od_engine *engine);

// Nothing is left that could run, and what there was is to be freed: goes on for a bounded time.
// True when all is done; then closing the state, which frees what is left in one piece, is short.
bool od_gc_pace_wind_up(struct od_engine *engine);

#endif
