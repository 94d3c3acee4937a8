#include "engine/loop_watch.h"

#include <signal.h>

#include <luajit.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/error_report.h"

enum {
    told_ms = 1000, // Nobody writes a handler that computes for so long on purpose.
};

static struct {
    struct od_engine *engine; // NULL: nobody is watched.
    uint64_t resumes;         // Of the engine, at the last look,
    od_time_ms seen_ms;       // and when that number was seen first.
    bool is_told;
} watched;

static void tell(struct od_engine *engine, lua_State *L)
{
    static const struct od_error_entry loading = {.name = "the script", .has_function = false};
    struct od_error_entry entry =
        engine->task == NULL ? loading : engine->entry_of(engine, engine->task);
    struct od_error_report report = {0};
    od_error_report_text(&report, engine, L, &entry, " has run for a second and does not wait:");
    od_slice whole = od_error_report_whole(&report);
    od_log(OD_LOG_WARN, engine->task == NULL ? NULL : engine->task->object->label, "%s%.*s",
           entry.name, (int)whole.size, whole.at);
    od_error_report_deinit(&report);
}

// Lua must not be called here, but it may be looked at.
static void on_sample(void *data, lua_State *L, int samples, int state)
{
    struct od_engine *engine = data;
    (void)samples;
    (void)state;
    OD_ASSERT(engine == watched.engine);
    od_time_ms now_ms = od_clock_monotonic_ms();
    if (watched.resumes != engine->resumes) {
        watched.resumes = engine->resumes;
        watched.seen_ms = now_ms;
        watched.is_told = false;
    }
    if (watched.is_told || now_ms - watched.seen_ms < told_ms)
        return;
    watched.is_told = true;
    tell(engine, L);
}

void od_loop_watch_start(struct od_engine *engine)
{
    OD_ASSERT(engine->L != NULL);
    if (watched.engine != NULL)
        od_loop_watch_stop(watched.engine);
    watched.engine = engine;
    watched.resumes = engine->resumes;
    // What is left of the profiler's signals when it ends must not end the process.
    signal(SIGPROF, SIG_IGN);
    luaJIT_profile_start(engine->L, "li100", on_sample, engine);
}

void od_loop_watch_stop(struct od_engine *engine)
{
    if (watched.engine != engine)
        return;
    luaJIT_profile_stop(engine->L);
    watched.engine = NULL;
}
