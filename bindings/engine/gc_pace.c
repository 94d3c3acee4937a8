#include "engine/gc_pace.h"

#include <malloc.h>

#include "engine/engine.h"
#include "engine/instance.h"

enum {
    cycles = 3, // The first may have begun before the instances were dropped; the second calls what
                // has __gc, and the third frees it.
    steps_a_turn = 8, // About half a millisecond.
    step_kilobytes = 64,
    worth_bytes = 1 << 20, // Less is not worth the trouble.
    share = 10,            // One part of so many may be spent.
    quiet_ms = 1000,
    wind_up_us = 2000,
};

static bool is_worth_it(const struct od_engine *engine)
{
    const struct od_gc_pace *pace = &engine->gc_pace;
    size_t enough_bytes = pace->left_bytes + pace->left_bytes / 10 + worth_bytes;
    return engine->memory.used > enough_bytes ||
           (pace->dropped > 1000 && pace->dropped > pace->live);
}

// The tables are made anew before: those that went are garbage like the rest.
static void begin(struct od_engine *engine)
{
    OD_ASSERT(engine->gc_pace.cycles_left == 0);
    od_instances_fit(engine);
    engine->gc_pace.cycles_left = cycles;
    engine->gc_pace.dropped = 0;
    engine->gc_pace.began_ms = od_clock_monotonic_ms();
}

static void end(struct od_engine *engine)
{
    struct od_gc_pace *pace = &engine->gc_pace;
    OD_ASSERT(pace->cycles_left == 0);
    od_blocks_rest(&engine->memory.blocks);
    malloc_trim(0);
    od_time_ms now = od_clock_monotonic_ms();
    pace->left_bytes = engine->memory.used;
    pace->not_before_ms = now + share * (now - pace->began_ms);
}

static od_time_ms until(od_time_ms when_ms, od_time_ms now_ms)
{
    return when_ms > now_ms ? when_ms - now_ms : 0;
}

// When it may begin; -1: there is no reason to.
static od_time_ms delay_ms(struct od_engine *engine)
{
    struct od_gc_pace *pace = &engine->gc_pace;
    od_time_ms now_ms = od_clock_monotonic_ms();
    if (pace->seen_bytes != engine->memory.used)
        pace->quiet_since_ms = now_ms;
    pace->seen_bytes = engine->memory.used;
    if (pace->dropped == 0)
        return -1;
    od_time_ms when_ms = pace->quiet_since_ms + quiet_ms; // It is in nobody's way then.
    if (is_worth_it(engine) && pace->not_before_ms < when_ms)
        when_ms = pace->not_before_ms;
    return until(when_ms, now_ms);
}

static void step(struct od_engine *engine)
{
    OD_ASSERT(engine->gc_pace.cycles_left > 0);
    engine->gc_pace.cycles_left -= lua_gc(engine->L, LUA_GCSTEP, step_kilobytes);
}

od_time_ms od_gc_pace_step(struct od_engine *engine)
{
    struct od_gc_pace *pace = &engine->gc_pace;
    if (pace->cycles_left == 0) {
        od_time_ms delay = delay_ms(engine);
        if (delay != 0)
            return delay;
        begin(engine);
    }
    for (int i = 0; i < steps_a_turn && pace->cycles_left > 0; i++)
        step(engine);
    if (pace->cycles_left > 0)
        return 0;
    end(engine);
    return delay_ms(engine);
}

bool od_gc_pace_wind_up(struct od_engine *engine)
{
    struct od_gc_pace *pace = &engine->gc_pace;
    OD_ASSERT(pace->live == 0);
    if (!pace->is_winding_up)
        pace->cycles_left = cycles;
    pace->is_winding_up = true;
    int64_t ends_us = od_clock_passed_us() + wind_up_us;
    while (pace->cycles_left > 0 && od_clock_passed_us() < ends_us)
        step(engine);
    return pace->cycles_left == 0;
}
