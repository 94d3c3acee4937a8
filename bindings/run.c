#include "run.h"

#include <stdio.h>

#include <lauxlib.h>

#include "api/abort.h"
#include "api/stream.h"
#include "api/timer.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/error_report.h"
#include "engine/failure.h"
#include "engine/instance.h"
#include "engine/mishap.h"
#include "handler.h"
#include "link/options.h"
#include "object/alarm_event.h"
#include "object/error_page.h"
#include "object/history.h"
#include "object/section.h"
#include "value/http_message.h"
#include "value/value.h"

int od_run_resume_capped(struct od_engine *engine, lua_State *L, int arguments)
{
    OD_ASSERT(!engine->memory.is_capped);
    (void)od_memory_stays_full(&engine->memory); // What failed before has let go of its memory now.
    engine->memory.is_capped = true;
    engine->resumes++;
    int status = lua_resume(L, arguments);
    engine->memory.is_capped = false;
    od_memory_recover(&engine->memory);
    return status;
}

// --- Failures ------------------------------------------------------------------------------------

static bool is_after_event(const struct od_task *task)
{
    const struct od_coroutine *coroutine = task->thread;
    return coroutine->deferred_done > 0;
}

static const char *what_runs(const struct od_task *task)
{
    if (is_after_event(task))
        return "waitUntil";
    return od_handler_of(task->event) == OD_HANDLER_SCHEDULE ? "schedule" : od_task_name(task);
}

struct od_error_entry od_run_entry_of(struct od_engine *engine, const struct od_task *task)
{
    struct od_error_entry entry = {.name = what_runs(task), .has_function = !is_after_event(task)};
    entry.has_function =
        entry.has_function && od_handler_push(engine, engine->L, task, od_handler_of(task->event));
    if (entry.has_function)
        lua_getinfo(engine->L, ">S", &entry.function);
    return entry;
}

// Tells the log, and the caller unless it has its answer already. [L]: on top the error value, or
// NULL.
static void log_report(struct od_engine *engine, struct od_task *task,
                       const struct od_error_report *report, lua_State *L)
{
    od_mishap_tell(task->object, what_runs(task), report);
    if (task->is_answered || is_after_event(task))
        return;
    od_error_page_note(task, od_error_report_whole(report));
    struct od_bytes fields = {0};
    od_failure_put_fields(&fields, engine->L, L);
    od_task_fail_with(task, &(struct od_failure){.flags = OD_FAILURE_REMOTE,
                                                 .message = od_error_report_message(report),
                                                 .fields = od_bytes_slice(&fields)});
    od_bytes_deinit(&fields);
}

static void fail_with_error(struct od_engine *engine, struct od_task *task)
{
    const struct od_coroutine *coroutine = task->thread;
    struct od_error_entry entry = od_run_entry_of(engine, task);
    struct od_error_report report = {0};
    od_error_report_value(&report, engine, coroutine->L, &entry);
    log_report(engine, task, &report, coroutine->L);
    od_error_report_deinit(&report);
}

// [where] is the coroutine whose frames say how it came to this, or NULL.
static void fail_with_text(struct od_engine *engine, struct od_task *task, lua_State *where,
                           const char *text)
{
    struct od_error_entry entry = od_run_entry_of(engine, task);
    struct od_error_report report = {0};
    od_error_report_text(&report, engine, where, &entry, text);
    log_report(engine, task, &report, NULL);
    od_error_report_deinit(&report);
}

static bool encode_response(lua_State *L, struct od_bytes *answer, struct od_error *err)
{
    lua_settop(L, OD_COROUTINE_PLACES + 1);
    return od_response_encode(L, OD_COROUTINE_PLACES + 1, answer, err);
}

static bool encode_results(lua_State *L, struct od_bytes *answer, struct od_error *err)
{
    int count = lua_gettop(L) - OD_COROUTINE_PLACES;
    return od_values_encode(L, OD_COROUTINE_PLACES + 1, count, "result", answer, OD_CALL_BYTES_MAX,
                            err);
}

// What a handler returned is on the stack of its coroutine. For most nobody waits.
static bool (*const encode_answer[OD_HANDLER_KINDS])(lua_State *, struct od_bytes *,
                                                     struct od_error *) = {
    [OD_HANDLER_FETCH] = encode_response,
    [OD_HANDLER_METHOD] = encode_results,
    [OD_HANDLER_COMMAND] = encode_results,
};

static bool wants_answer(const struct od_coroutine *coroutine)
{
    OD_ASSERT(coroutine->handler < OD_HANDLER_KINDS);
    return encode_answer[coroutine->handler] != NULL && coroutine->deferred_done == 0;
}

static __attribute__((noinline)) void answer(struct od_engine *engine, struct od_task *task)
{
    OD_ASSERT(engine->task == NULL);
    const struct od_coroutine *coroutine = task->thread;
    struct od_error err;
    struct od_bytes *answer = od_engine_scratch(engine);
    engine->task = task; // It may have the client's end of the WebSocket of a response.
    bool is_answer = encode_answer[coroutine->handler](coroutine->L, answer, &err);
    engine->task = NULL;
    if (is_answer) {
        od_task_answer(task, od_bytes_slice(answer));
        return;
    }
    od_stream_drop_function(engine, task);
    fail_with_text(engine, task, NULL, err.text);
}

// --- Running -------------------------------------------------------------------------------------

enum step {
    ENDED,
    WAITS,
    GOES_ON,
};

OD_SELDOM static enum step ended_badly(struct od_engine *engine, struct od_task *task)
{
    if (od_stream_is_written(task))
        od_stream_function_ended(task, false);
    od_coroutine_renew(engine, task->thread);
    return ENDED;
}

OD_SELDOM static enum step after_yield(struct od_engine *engine, struct od_task *task)
{
    OD_ASSERT(engine->task == NULL);
    struct od_coroutine *coroutine = task->thread;
    switch (od_wait_begin(engine, task)) {
    case OD_WAIT_BEGUN:
        return WAITS;
    case OD_WAIT_OVER:
        return GOES_ON;
    case OD_WAIT_LAST:
        coroutine->deferred_done = coroutine->deferred_count;
        return ended_badly(engine, task);
    case OD_WAIT_FOREIGN:
        fail_with_text(engine, task, coroutine->L,
                       "coroutine.yield: there is no coroutine of the script around it");
        return ended_badly(engine, task);
    }
    OD_UNREACHABLE("a wait begins in one of four ways");
}

// An error that says so, or memory that stays full when it was caught: the instance goes, and with
// it what it holds. Sockets and storage stay.
OD_SELDOM static void reset_for_memory(const struct od_engine *engine, const struct od_task *task)
{
    OD_ASSERT(task->object->running == task);
    struct od_bytes why = {0};
    char megabytes[32];
    if (od_object_is_entry(task->object))
        return;
    snprintf(megabytes, sizeof megabytes, "%u", engine->options->script_memory_mb);
    od_bytes_put_slice(&why, OD_SLICE("not enough memory: the objects of one worker share "));
    od_bytes_put_slice(&why, od_slice_of(megabytes));
    od_bytes_put_slice(&why, OD_SLICE(" MB (--script-memory-mb)"));
    od_object_reset(task->object, od_bytes_slice(&why));
    od_bytes_deinit(&why);
}

OD_SELDOM static enum step failed(struct od_engine *engine, struct od_task *task)
{
    if (!od_stream_is_unwanted(task))
        fail_with_error(engine, task);
    return ended_badly(engine, task);
}

static enum step ended_well(struct od_engine *engine, struct od_task *task)
{
    const struct od_coroutine *coroutine = task->thread;
    // Before the answer is told: an object that is left in a section is reset, and its caller
    // hears that.
    if (task->object->work->section != NULL)
        od_section_check_left(task);
    if (od_stream_is_written(task))
        od_stream_function_ended(task, true);
    else if (wants_answer(coroutine))
        answer(engine, task);
    if (lua_gettop(coroutine->L) != OD_COROUTINE_PLACES)
        lua_settop(coroutine->L, OD_COROUTINE_PLACES);
    return ENDED;
}

static enum step take_step(struct od_engine *engine, struct od_task *task, int arguments)
{
    OD_ASSERT(engine->task == NULL); // Lua runs for one task at a time.
    OD_ASSERT(task->thread != NULL);
    const struct od_coroutine *coroutine = task->thread;
    engine->task = task;
    // What was noted of an error's way belongs to the resume before.
    od_bytes_clear(&engine->way);
    int status = od_run_resume_capped(engine, coroutine->L, arguments);
    engine->task = NULL;
    if (status == LUA_ERRMEM || od_memory_is_full(&engine->memory))
        reset_for_memory(engine, task);
    if (status == LUA_YIELD)
        return after_yield(engine, task);
    return status == 0 ? ended_well(engine, task) : failed(engine, task);
}

static void forget_aborts(struct od_engine *engine, const struct od_task *task)
{
    const struct od_coroutine *coroutine = task->thread;
    if (coroutine->keeps_aborts)
        od_abort_forget(engine, task);
}

static inline enum od_run put_away(struct od_engine *engine, struct od_task *task)
{
    OD_ASSERT(task->thread != NULL);
    forget_aborts(engine, task);
    od_coroutine_give(engine, task->thread);
    task->thread = NULL;
    return OD_RUN_DONE;
}

// Pushes the next function of waitUntil. There is none any more when the instance is as good as
// gone.
static bool goes_on_after(const struct od_task *task)
{
    bool was_never_made = task->event == NULL && task->has_failed;
    return !task->object->is_reset && !was_never_made && od_coroutine_push_deferred(task->thread);
}

// The function to call and its [arguments] are on the stack of the task's coroutine; or, when it
// waited, what it waited for.
static inline enum od_run run_on(struct od_engine *engine, struct od_task *task, int arguments)
{
    for (;;) {
        enum step step = take_step(engine, task, arguments);
        if (step == WAITS)
            return OD_RUN_WAITING;
        arguments = 0;
        if (step == ENDED && od_stream_push_function(engine, task)) {
            arguments = 1;
            continue;
        }
        if (step == ENDED && !goes_on_after(task))
            return put_away(engine, task);
        if (step == ENDED)
            od_task_returned(task);
    }
}

// --- What the core asks --------------------------------------------------------------------------

// The coroutine of a task, with its handler on it; without a handler none, and false.
static bool begin(struct od_engine *engine, struct od_task *task)
{
    OD_ASSERT(task->thread == NULL);
    struct od_coroutine *coroutine = od_coroutine_take(engine);
    coroutine->handler = od_handler_of(task->event);
    if (!od_handler_push(engine, coroutine->L, task, coroutine->handler)) {
        od_handler_miss(coroutine->L, task, coroutine->handler);
        od_coroutine_give(engine, coroutine);
        return false;
    }
    task->thread = coroutine;
    return true;
}

OD_SELDOM static enum od_run lack_arguments(struct od_engine *engine, struct od_task *task)
{
    const struct od_coroutine *coroutine = task->thread;
    fail_with_text(engine, task, NULL, "the arguments of the call cannot be read");
    lua_settop(coroutine->L, OD_COROUTINE_PLACES);
    return put_away(engine, task);
}

static enum od_run run_handler(struct od_engine *engine, struct od_task *task)
{
    const struct od_coroutine *coroutine = task->thread;
    int arguments = od_handler_push_arguments(engine, coroutine->L, task, coroutine->handler);
    return arguments >= 0 ? run_on(engine, task, arguments) : lack_arguments(engine, task);
}

static void lack_fetch(struct od_task *task)
{
    od_slice why = OD_SLICE("Handler does not export a fetch() function. Requests need one in the "
                            "class: function CLASS:fetch(request)");
    od_log_slice(OD_LOG_ERROR, od_slice_of(task->object->label), why);
    od_object_history_error(task->object, (od_slice){NULL, 0}, why);
    od_task_fail(task, why);
}

static void lack_method(struct od_engine *engine, struct od_task *task)
{
    const struct od_instance *instance = task->object->instance;
    OD_ASSERT(instance != NULL);
    od_slice name = od_handler_method(task);
    const char *meant = od_class_nearest(engine->L, instance->class, name);
    struct od_bytes why = {0};
    od_bytes_put_slice(&why, OD_SLICE("The RPC receiver does not implement the method \""));
    od_bytes_put_slice(&why, name);
    od_bytes_put_slice(&why, OD_SLICE("\"."));
    if (meant != NULL)
        od_bytes_printf(&why, " Did you mean \"%s\"?", meant);
    od_task_fail(task, od_bytes_slice(&why));
    od_bytes_deinit(&why);
}

static void lack_alarm(struct od_task *task)
{
    od_alarm_event_leave(task->object, task->event);
}

// A handler for messages may be missing; who waits for an answer must be told, and an alarm waits.
OD_SELDOM static enum od_run lack_handler(struct od_engine *engine, struct od_task *task)
{
    static void (*const lack[OD_HANDLER_KINDS])(struct od_task *) = {
        [OD_HANDLER_FETCH] = lack_fetch,
        [OD_HANDLER_ALARM] = lack_alarm,
        [OD_HANDLER_SCHEDULE] = lack_alarm,
    };
    enum od_handler handler = od_handler_of(task->event);
    OD_ASSERT(handler < OD_HANDLER_KINDS);
    if (handler == OD_HANDLER_METHOD)
        lack_method(engine, task);
    else if (lack[handler] != NULL)
        lack[handler](task);
    return OD_RUN_DONE;
}

enum od_run od_run_event(struct od_engine *engine, struct od_task *task)
{
    return begin(engine, task) ? run_handler(engine, task) : lack_handler(engine, task);
}

enum od_run od_run_resume(struct od_engine *engine, struct od_task *task,
                          const struct od_event *event)
{
    OD_ASSERT(event->kind == OD_EVENT_RESUME);
    OD_ASSERT(task->thread != NULL);
    const struct od_coroutine *coroutine = task->thread;
    return run_on(
        engine, task,
        od_wait_push_result(coroutine->L, coroutine->waits_for, event->ok, od_event_bytes(event)));
}

static void drop_thread(struct od_engine *engine, struct od_task *task)
{
    OD_ASSERT(task->thread != NULL);
    forget_aborts(engine, task);
    od_coroutine_drop(engine, task->thread);
    task->thread = NULL;
}

static __attribute__((noinline)) void forget(struct od_engine *engine, struct od_task *task,
                                             bool is_of_timer)
{
    if (is_of_timer)
        od_timer_ended(engine->L, task);
    if (task->thread != NULL)
        drop_thread(engine, task);
}

void od_run_forget(struct od_engine *engine, struct od_task *task)
{
    bool is_of_timer = task->event != NULL && task->event->kind == OD_EVENT_TIMER;
    if (is_of_timer || task->thread != NULL)
        forget(engine, task, is_of_timer);
}
