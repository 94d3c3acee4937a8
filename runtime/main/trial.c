#include "main/trial.h"

#include <stdio.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "main/limits.h"

// Verdicts

bool od_verdict_read(struct od_cursor *cursor, struct od_verdict *verdict)
{
    verdict->ok = od_cursor_u8(cursor) != 0;
    verdict->why = od_cursor_string(cursor);
    verdict->has_entry = od_cursor_u8(cursor) != 0;
    verdict->namespace_count = od_cursor_u32(cursor);
    verdict->namespaces = *cursor;
    for (uint32_t i = 0; i < verdict->namespace_count && !cursor->failed; i++)
        (void)od_cursor_string(cursor);
    verdict->files = od_cursor_rest(cursor);
    return !cursor->failed;
}

void od_verdict_describe(const struct od_verdict *verdict, struct od_bytes *text)
{
    struct od_cursor cursor = verdict->namespaces;
    for (uint32_t i = 0; i < verdict->namespace_count; i++) {
        if (i > 0)
            od_bytes_put_slice(text, OD_SLICE(", "));
        od_bytes_put_slice(text, od_cursor_string(&cursor));
    }
}

static void judge_text(struct od_trial *trial, const char *why)
{
    struct od_verdict verdict = {.ok = false, .why = od_slice_of(why)};
    trial->judged(trial->owner, &verdict);
}

static void judge_heard(struct od_trial *trial)
{
    struct od_bytes heard = trial->heard; // It may start anew while it is told.
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&heard));
    struct od_verdict verdict;
    trial->heard = (struct od_bytes){0};
    if (od_verdict_read(&cursor, &verdict))
        trial->judged(trial->owner, &verdict);
    else
        judge_text(trial, "the process that tried the script speaks nonsense");
    od_bytes_deinit(&heard);
}

static void judge_silence(struct od_trial *trial, int status)
{
    char why[256], how[64];
    od_process_describe_end(status, how, sizeof how);
    if (trial->is_late)
        snprintf(why, sizeof why,
                 "%s has not been loaded within %d s: does it loop outside of its handlers?",
                 trial->options->script, OD_TRIAL_MS_MAX / 1000);
    else
        snprintf(why, sizeof why, "the process that tried %s ended before it had loaded it: %s",
                 trial->options->script, how);
    judge_text(trial, why);
}

// The process

static void kill_process(struct od_trial *trial)
{
    od_loop_clear_timer(trial->loop, &trial->timer);
    od_process_kill(&trial->process);
}

static void on_late(struct od_timer *timer)
{
    struct od_trial *trial = OD_TIMER_MEMBER(timer, struct od_trial, timer);
    trial->is_late = true;
    kill_process(trial);
}

static void begin(struct od_trial *trial);

static void conclude(struct od_trial *trial, int status)
{
    bool was_asked = trial->is_asked;
    trial->is_asked = false;
    if (!was_asked)
        return; // It was only waiting; the next start makes another one.
    if (trial->starts_anew)
        begin(trial);
    else if (trial->heard.size > 0)
        judge_heard(trial);
    else
        judge_silence(trial, status);
}

// Its link is read to the end before this, so that its last words are heard.
static void reap(struct od_trial *trial)
{
    int status;
    if (!trial->has_link && od_process_reap(&trial->process, &status))
        conclude(trial, status);
}

static void on_child_signal(uv_signal_t *handle, int number)
{
    (void)number;
    reap(handle->data);
}

// Its end is waited for nevertheless, so that there is only one at a time; it need not tidy up.
static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct od_trial *trial = link->owner;
    if (fd >= 0)
        close(fd);
    if (kind != OD_KIND_LOADED)
        return;
    od_bytes_clear(&trial->heard);
    od_bytes_put_slice(&trial->heard, od_slice_from(body, sizeof(uint32_t))); // No version.
    kill_process(trial);
}

static void on_gone(struct od_link *link)
{
    kill_process(link->owner);
    od_link_close(link);
}

static void on_closed(struct od_link *link)
{
    struct od_trial *trial = link->owner;
    trial->has_link = false;
    reap(trial);
}

static const struct od_link_events link_events = {on_message, on_gone, on_closed};

static bool spawn(struct od_trial *trial, struct od_error *err)
{
    int fds[2];
    if (!od_link_pair(fds, err))
        return false;
    struct od_seat seat = {OD_SEAT_TRIAL, fds[1], -1};
    bool has_process = od_process_spawn(&trial->process, trial->options, &seat, err);
    close(fds[1]);
    if (!has_process)
        close(fds[0]);
    else
        trial->has_link =
            od_link_init(&trial->link, &trial->loop->uv, fds[0], &link_events, trial, err);
    if (!trial->has_link)
        od_process_end(&trial->process);
    return trial->has_link;
}

static bool is_there(const struct od_trial *trial)
{
    return od_process_is_there(&trial->process) || trial->has_link;
}

static bool is_well(const struct od_trial *trial)
{
    return od_process_is_there(&trial->process) && trial->has_link && !trial->link.is_gone &&
           !trial->link.is_closing;
}

static void begin(struct od_trial *trial)
{
    struct od_error err;
    trial->starts_anew = trial->is_late = false;
    od_bytes_clear(&trial->heard);
    if (!is_there(trial) && !spawn(trial, &err)) {
        od_error_prefix(&err, "cannot try the script");
        judge_text(trial, err.text);
        return;
    }
    trial->is_asked = true;
    size_t mark = od_link_begin(&trial->link, OD_KIND_LOAD, -1);
    od_bytes_put_u32(&trial->link.out, 0);
    od_link_end(&trial->link, mark);
    od_link_flush(&trial->link);
    od_loop_set_timer(trial->loop, &trial->timer, OD_TRIAL_MS_MAX);
}

void od_trial_open(struct od_trial *trial, struct od_loop *loop, const struct od_options *options,
                   void (*judged)(void *owner, const struct od_verdict *verdict), void *owner)
{
    *trial = (struct od_trial){.loop = loop,
                               .options = options,
                               .judged = judged,
                               .owner = owner,
                               .timer = {.fire = on_late}};
    int status = uv_signal_init(&loop->uv, &trial->child_signal);
    OD_ASSERT(status == 0);
    trial->child_signal.data = trial;
    status = uv_signal_start(&trial->child_signal, on_child_signal, SIGCHLD);
    OD_ASSERT(status == 0);
}

void od_trial_start(struct od_trial *trial)
{
    if (!trial->is_asked && (is_well(trial) || !is_there(trial))) {
        begin(trial);
        return;
    }
    trial->is_asked = trial->starts_anew = true; // When this one has ended.
    kill_process(trial);
}

// Without one in reserve the next trial only takes longer.
void od_trial_prepare(struct od_trial *trial)
{
    struct od_error err;
    if (!is_there(trial) && !spawn(trial, &err))
        od_log(OD_LOG_WARN, NULL, "no process is ready to try the script: %s", err.text);
}

void od_trial_close(struct od_trial *trial)
{
    od_loop_clear_timer(trial->loop, &trial->timer);
    od_process_end(&trial->process);
    od_bytes_deinit(&trial->heard);
    if (trial->has_link && !trial->link.is_closing)
        od_link_close(&trial->link);
    uv_close((uv_handle_t *)&trial->child_signal, NULL);
}
