#include "engine/tidy.h"

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
};

static bool is_worth_it(const struct od_engine *engine)
{
    const struct od_tidy *tidy = &engine->tidy;
    size_t enough_bytes = tidy->left_bytes + tidy->left_bytes / 10 + worth_bytes;
    return engine->memory.used > enough_bytes ||
           (tidy->dropped > 1000 && tidy->dropped > tidy->live);
}

static void begin(struct od_engine *engine)
{
    engine->tidy.cycles_left = cycles;
    engine->tidy.dropped = 0;
    engine->tidy.began_ms = od_clock_monotonic_ms();
}

static void end(struct od_engine *engine)
{
    struct od_tidy *tidy = &engine->tidy;
    od_instances_fit(engine);
    malloc_trim(0);
    od_time_ms now = od_clock_monotonic_ms();
    tidy->left_bytes = engine->memory.used;
    tidy->not_before_ms = now + share * (now - tidy->began_ms);
}

static od_time_ms until(od_time_ms when_ms, od_time_ms now_ms)
{
    return when_ms > now_ms ? when_ms - now_ms : 0;
}

// When it may begin; -1: there is no reason to.
static od_time_ms delay_ms(struct od_engine *engine)
{
    struct od_tidy *tidy = &engine->tidy;
    od_time_ms now_ms = od_clock_monotonic_ms();
    if (tidy->seen_bytes != engine->memory.used)
        tidy->quiet_since_ms = now_ms;
    tidy->seen_bytes = engine->memory.used;
    if (tidy->dropped == 0)
        return -1;
    od_time_ms when_ms = tidy->quiet_since_ms + quiet_ms; // It is in nobody's way then.
    if (is_worth_it(engine) && tidy->not_before_ms < when_ms)
        when_ms = tidy->not_before_ms;
    return until(when_ms, now_ms);
}

od_time_ms od_tidy_step(struct od_engine *engine)
{
    struct od_tidy *tidy = &engine->tidy;
    if (tidy->cycles_left == 0) {
        od_time_ms delay = delay_ms(engine);
        if (delay != 0)
            return delay;
        begin(engine);
    }
    for (int i = 0; i < steps_a_turn && tidy->cycles_left > 0; i++)
        tidy->cycles_left -= lua_gc(engine->L, LUA_GCSTEP, step_kilobytes);
    if (tidy->cycles_left > 0)
        return 0;
    end(engine);
    return delay_ms(engine);
}
