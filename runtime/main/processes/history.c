#include "main/processes/history.h"

#include <signal.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "main/processes/limits.h"

// --- Its life ------------------------------------------------------------------------------------

static void start_process(struct od_history *history);

static void on_restart(struct od_timer *timer)
{
    start_process(OD_TIMER_MEMBER(timer, struct od_history, restart_timer));
}

static void reap(struct od_history *history)
{
    int status;
    char how[64];
    if (history->has_link || !od_process_reap(&history->process, &status))
        return;
    od_process_describe_end(status, how, sizeof how);
    if (history->committer == NULL || history->is_closing)
        return;
    od_log(OD_LOG_ERROR, NULL, "the historian ended: %s; another one is started", how);
    od_loop_set_timer(history->loop, &history->restart_timer, OD_HISTORY_RESTART_MS);
}

static void on_child_signal(uv_signal_t *handle, int number)
{
    (void)number;
    reap(handle->data);
}

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct od_history *history = link->owner;
    struct od_history_facts facts;
    struct od_cursor cursor = od_cursor_of(body);
    if (fd >= 0)
        close(fd);
    facts.kept_behind = od_cursor_u64(&cursor);
    facts.oldest_ms = (od_time_ms)od_cursor_u64(&cursor);
    facts.bases = od_cursor_u32(&cursor);
    facts.segments = od_cursor_u32(&cursor);
    facts.bytes = od_cursor_u64(&cursor);
    facts.waiting = od_cursor_u32(&cursor);
    facts.waiting_ms = (od_time_ms)od_cursor_u64(&cursor);
    facts.failures = od_cursor_u32(&cursor);
    if (kind != OD_KIND_HISTORY || cursor.failed || history->committer == NULL)
        return;
    OD_ASSERT(od_history_is_kept(history->options));
    history->facts = facts;
    od_committer_keep(history->committer, facts.kept_behind);
}

static void on_gone(struct od_link *link)
{
    struct od_history *history = link->owner;
    od_process_kill(&history->process);
    od_link_close(link);
}

static void on_closed(struct od_link *link)
{
    struct od_history *history = link->owner;
    history->has_link = false;
    reap(history);
    bool is_missed = history->committer != NULL && !od_process_is_there(&history->process);
    if (is_missed) // It was ended for a program that could not take over.
        od_loop_set_timer(history->loop, &history->restart_timer, OD_HISTORY_RESTART_MS);
}

static const struct od_link_events link_events = {on_message, on_gone, on_closed};

static bool try_start(struct od_history *history, struct od_error *err)
{
    int fds[2];
    OD_ASSERT(!history->has_link);
    OD_ASSERT(history->committer != NULL);
    if (!od_link_pair(fds, err))
        return false;
    struct od_child_args args = {OD_CHILD_HISTORIAN, fds[1], -1};
    bool has_process = od_process_spawn(&history->process, history->options, &args, err);
    close(fds[1]);
    if (!has_process)
        close(fds[0]);
    else
        history->has_link =
            od_link_init(&history->link, &history->loop->uv, fds[0], &link_events, history, err);
    if (has_process && !history->has_link)
        od_process_end(&history->process);
    return history->has_link;
}

static void start_process(struct od_history *history)
{
    struct od_error err;
    if (history->has_link || od_process_is_there(&history->process) || try_start(history, &err))
        return;
    od_log(OD_LOG_ERROR, NULL, "cannot start the historian: %s; it is tried again", err.text);
    od_loop_set_timer(history->loop, &history->restart_timer, OD_HISTORY_RESTART_MS);
}

// --- Segments ------------------------------------------------------------------------------------

static void on_segment_over(struct od_timer *timer)
{
    struct od_history *history = OD_TIMER_MEMBER(timer, struct od_history, segment_timer);
    OD_ASSERT(history->committer != NULL);
    od_committer_close_segment(history->committer);
    od_loop_set_timer(history->loop, timer,
                      history->options->archive_command != NULL ? OD_ARCHIVE_SEGMENT_MS
                                                                : OD_HISTORY_SEGMENT_MS);
}

// --- Beginning and end ---------------------------------------------------------------------------

bool od_history_is_kept(const struct od_options *options)
{
    return options->history_ms > 0 || options->archive_command != NULL;
}

void od_history_init(struct od_history *history, struct od_loop *loop,
                     const struct od_options *options)
{
    *history = (struct od_history){.loop = loop,
                                   .options = options,
                                   .restart_timer = {.fire = on_restart},
                                   .segment_timer = {.fire = on_segment_over}};
    int status = uv_signal_init(&loop->uv, &history->child_signal);
    OD_ASSERT(status == 0);
    history->child_signal.data = history;
    status = uv_signal_start(&history->child_signal, on_child_signal, SIGCHLD);
    OD_ASSERT(status == 0);
}

void od_history_start(struct od_history *history, struct od_committer *committer)
{
    OD_ASSERT(history->committer == NULL);
    if (!od_history_is_kept(history->options))
        return;
    history->committer = committer;
    od_committer_keep(committer, history->facts.kept_behind);
    // What the program before wrote last is archived at once: this one may not run for long either.
    od_loop_set_timer(history->loop, &history->segment_timer,
                      history->options->archive_command != NULL ? 0 : OD_ARCHIVE_SEGMENT_MS);
    od_loop_set_timer(history->loop, &history->restart_timer, 0);
}

void od_history_rest(struct od_history *history)
{
    history->committer = NULL;
    od_loop_clear_timer(history->loop, &history->segment_timer);
    od_loop_clear_timer(history->loop, &history->restart_timer);
    if (history->has_link && !history->link.is_closing)
        od_link_close(&history->link);
    od_process_end(&history->process);
}

void od_history_finish(struct od_history *history)
{
    if (history->committer == NULL || history->options->archive_command == NULL)
        return;
    od_committer_close_segment(history->committer);
    history->is_finishing = history->has_link && !history->link.is_closing;
}

// Nothing else is to be done any more, so this waits. What is not archived then the next start
// archives.
static void await_last(struct od_history *history)
{
    od_time_ms until_ms = od_clock_monotonic_ms() + OD_ARCHIVE_LAST_MS;
    int status;
    OD_ASSERT(history->options->archive_command != NULL);
    od_link_send(&history->link, OD_KIND_HISTORY_ENDS, (od_slice){NULL, 0}, -1);
    od_link_flush(&history->link);
    od_log(OD_LOG_INFO, NULL, "what was written last is archived");
    while (!od_process_reap(&history->process, &status)) {
        if (od_clock_monotonic_ms() > until_ms)
            return;
        usleep(OD_ARCHIVE_LOOK_MS * 1000);
    }
}

void od_history_close(struct od_history *history)
{
    OD_ASSERT(!history->is_closing);
    history->is_closing = true;
    if (history->is_finishing)
        await_last(history);
    od_history_rest(history);
    uv_close((uv_handle_t *)&history->child_signal, NULL);
}

od_time_ms od_history_archive_lag_ms(const struct od_history *history)
{
    od_time_ms now_ms = od_clock_wall_ms();
    bool is_behind = history->facts.waiting > 0 && history->facts.waiting_ms < now_ms;
    return is_behind ? now_ms - history->facts.waiting_ms : 0;
}
