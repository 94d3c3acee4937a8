#include "main/processes/dry_run.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "main/processes/limits.h"
#include "object/names/route.h"

// --- Verdicts ------------------------------------------------------------------------------------

bool od_verdict_read(struct od_cursor *cursor, struct od_verdict *verdict)
{
    verdict->ok = od_cursor_u8(cursor) != 0;
    od_slice word = od_cursor_string(cursor);
    verdict->why = verdict->ok ? (od_slice){NULL, 0} : word;
    verdict->assets = verdict->ok ? word : (od_slice){NULL, 0};
    verdict->has_entry = od_cursor_u8(cursor) != 0;
    verdict->namespace_count = od_cursor_u32(cursor);
    verdict->namespaces = *cursor;
    for (uint32_t i = 0; i < 2 * verdict->namespace_count && !cursor->failed; i++)
        (void)od_cursor_string(cursor);
    verdict->files = od_cursor_rest(cursor);
    return !cursor->failed;
}

void od_verdict_put(struct od_bytes *bytes, const struct od_verdict *verdict)
{
    struct od_cursor names = verdict->namespaces;
    od_bytes_put_u8(bytes, verdict->ok);
    od_bytes_put_string(bytes, verdict->ok ? verdict->assets : verdict->why);
    od_bytes_put_u8(bytes, verdict->has_entry);
    od_bytes_put_u32(bytes, verdict->namespace_count);
    for (uint32_t i = 0; i < 2 * verdict->namespace_count; i++)
        od_bytes_put_string(bytes, od_cursor_string(&names));
    OD_ASSERT(!names.failed);
    od_bytes_put_slice(bytes, verdict->files);
}

void od_verdict_describe(const struct od_verdict *verdict, struct od_bytes *text)
{
    struct od_cursor cursor = verdict->namespaces;
    size_t begin = text->size;
    for (uint32_t i = 0; i < verdict->namespace_count; i++) {
        (void)od_cursor_string(&cursor);
        od_slice name = od_cursor_string(&cursor);
        OD_ASSERT(!cursor.failed);             // od_verdict_read has looked.
        if (!od_namespace_name_is_valid(name)) // One of ours, for `crons`.
            continue;
        if (text->size > begin)
            od_bytes_put_slice(text, OD_SLICE(", "));
        od_bytes_put_slice(text, name);
    }
}

static void check(const struct od_dry_run *dry_run)
{
    OD_ASSERT(!dry_run->starts_anew || dry_run->is_asked);
    OD_ASSERT(dry_run->judged != NULL);
    OD_ASSERT(!od_timer_is_set(&dry_run->timer) || dry_run->is_asked);
}

// Who waits for a first version has nothing to look at but the script, when that is all one knows.
static void put_script(const struct od_dry_run *dry_run, struct od_bytes *files)
{
    const char *path = dry_run->options->script, *slash = strrchr(path, '/');
    od_files_put(files, &(struct od_file){.state = OD_FILE_THERE,
                                          .path = od_slice_of(slash == NULL ? path : slash + 1),
                                          .mark = dry_run->mark});
}

static void judge_text(struct od_dry_run *dry_run, const char *why, od_slice files)
{
    struct od_verdict verdict = {.ok = false, .why = od_slice_of(why), .files = files};
    dry_run->judged(dry_run->owner, &verdict);
}

static void judge_heard(struct od_dry_run *dry_run)
{
    struct od_bytes heard = dry_run->heard; // It may start anew while it is told.
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&heard));
    struct od_verdict verdict;
    dry_run->heard = (struct od_bytes){0};
    if (od_verdict_read(&cursor, &verdict)) {
        dry_run->has_loaded = dry_run->has_loaded || verdict.ok;
        dry_run->judged(dry_run->owner, &verdict);
    } else {
        judge_text(dry_run, "the process that tried the script speaks nonsense",
                   (od_slice){NULL, 0});
    }
    od_bytes_deinit(&heard);
}

static void judge_silence(struct od_dry_run *dry_run, int status)
{
    char why[256], how[64];
    od_process_describe_end(status, how, sizeof how);
    if (dry_run->is_late)
        snprintf(why, sizeof why,
                 "%s has not been loaded within %d s: does it loop outside of its handlers?",
                 dry_run->options->script, OD_DRY_RUN_MS_MAX / 1000);
    else
        snprintf(why, sizeof why, "the process that tried %s ended before it had loaded it: %s",
                 dry_run->options->script, how);
    struct od_bytes files = {0};
    if (!dry_run->has_loaded)
        put_script(dry_run, &files);
    judge_text(dry_run, why, od_bytes_slice(&files));
    od_bytes_deinit(&files);
}

// --- The process ---------------------------------------------------------------------------------

static void kill_process(struct od_dry_run *dry_run)
{
    od_loop_clear_timer(dry_run->loop, &dry_run->timer);
    od_process_kill(&dry_run->process);
}

static void on_late(struct od_timer *timer)
{
    struct od_dry_run *dry_run = OD_TIMER_MEMBER(timer, struct od_dry_run, timer);
    dry_run->is_late = true;
    kill_process(dry_run);
}

static void begin(struct od_dry_run *dry_run);

static void conclude(struct od_dry_run *dry_run, int status)
{
    check(dry_run);
    OD_ASSERT(!dry_run->has_link);
    bool was_asked = dry_run->is_asked;
    dry_run->is_asked = false;
    if (!was_asked)
        return; // It was only waiting; the next start makes another one.
    if (dry_run->starts_anew)
        begin(dry_run);
    else if (dry_run->heard.size > 0)
        judge_heard(dry_run);
    else
        judge_silence(dry_run, status);
}

// Its link is read to the end before this, so that its last words are heard.
static void reap(struct od_dry_run *dry_run)
{
    int status;
    if (!dry_run->has_link && od_process_reap(&dry_run->process, &status))
        conclude(dry_run, status);
}

static void on_child_signal(uv_signal_t *handle, int number)
{
    (void)number;
    reap(handle->data);
}

// Its end is waited for nevertheless, so that there is only one at a time; it need not tidy up.
static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct od_dry_run *dry_run = link->owner;
    if (fd >= 0)
        close(fd);
    if (kind != OD_KIND_LOADED)
        return;
    od_bytes_clear(&dry_run->heard);
    od_bytes_put_slice(&dry_run->heard, od_slice_from(body, sizeof(uint32_t))); // No version.
    kill_process(dry_run);
}

static void on_gone(struct od_link *link)
{
    kill_process(link->owner);
    od_link_close(link);
}

static void on_closed(struct od_link *link)
{
    struct od_dry_run *dry_run = link->owner;
    OD_ASSERT(dry_run->has_link);
    dry_run->has_link = false;
    reap(dry_run);
}

static const struct od_link_events link_events = {on_message, on_gone, on_closed};

static bool spawn(struct od_dry_run *dry_run, struct od_error *err)
{
    OD_ASSERT(!dry_run->has_link);
    int fds[2];
    if (!od_link_pair(fds, err))
        return false;
    struct od_child_args args = {OD_CHILD_DRY_RUN, fds[1], -1};
    bool has_process = od_process_spawn(&dry_run->process, dry_run->options, &args, err);
    close(fds[1]);
    if (!has_process)
        close(fds[0]);
    else
        dry_run->has_link =
            od_link_init(&dry_run->link, &dry_run->loop->uv, fds[0], &link_events, dry_run, err);
    if (!dry_run->has_link)
        od_process_end(&dry_run->process);
    return dry_run->has_link;
}

static bool is_there(const struct od_dry_run *dry_run)
{
    return od_process_is_there(&dry_run->process) || dry_run->has_link;
}

static bool is_well(const struct od_dry_run *dry_run)
{
    return od_process_is_there(&dry_run->process) && dry_run->has_link && !dry_run->link.is_gone &&
           !dry_run->link.is_closing;
}

static void begin(struct od_dry_run *dry_run)
{
    struct od_error err;
    dry_run->starts_anew = dry_run->is_late = false;
    od_bytes_clear(&dry_run->heard);
    if (!is_there(dry_run) && !spawn(dry_run, &err)) {
        od_error_prefix(&err, "cannot try the script");
        judge_text(dry_run, err.text, (od_slice){NULL, 0});
        return;
    }
    OD_ASSERT(dry_run->has_link);
    dry_run->mark = od_file_mark_at(AT_FDCWD, dry_run->options->script);
    dry_run->is_asked = true;
    size_t mark = od_link_begin(&dry_run->link, OD_KIND_LOAD, -1);
    od_bytes_put_u32(&dry_run->link.out, 0);
    od_bytes_put_slice(&dry_run->link.out, dry_run->files);
    od_link_end(&dry_run->link, mark);
    od_link_flush(&dry_run->link);
    od_loop_set_timer(dry_run->loop, &dry_run->timer, OD_DRY_RUN_MS_MAX);
}

void od_dry_run_open(struct od_dry_run *dry_run, struct od_loop *loop,
                     const struct od_options *options,
                     void (*judged)(void *owner, const struct od_verdict *verdict), void *owner)
{
    *dry_run = (struct od_dry_run){.loop = loop,
                                   .options = options,
                                   .judged = judged,
                                   .owner = owner,
                                   .timer = {.fire = on_late}};
    int status = uv_signal_init(&loop->uv, &dry_run->child_signal);
    OD_ASSERT(status == 0);
    dry_run->child_signal.data = dry_run;
    status = uv_signal_start(&dry_run->child_signal, on_child_signal, SIGCHLD);
    OD_ASSERT(status == 0);
}

void od_dry_run_start(struct od_dry_run *dry_run)
{
    check(dry_run);
    if (!dry_run->is_asked && (is_well(dry_run) || !is_there(dry_run))) {
        begin(dry_run);
        return;
    }
    dry_run->is_asked = dry_run->starts_anew = true; // When this one has ended.
    kill_process(dry_run);
}

// Without one in reserve the next dry run only takes longer.
void od_dry_run_prepare(struct od_dry_run *dry_run)
{
    struct od_error err;
    if (!is_there(dry_run) && !spawn(dry_run, &err))
        od_log(OD_LOG_WARN, NULL, "no process is ready to try the script: %s", err.text);
}

void od_dry_run_rest(struct od_dry_run *dry_run)
{
    if (!dry_run->is_asked)
        od_process_end(&dry_run->process);
}

void od_dry_run_close(struct od_dry_run *dry_run)
{
    od_loop_clear_timer(dry_run->loop, &dry_run->timer);
    od_process_end(&dry_run->process);
    od_bytes_deinit(&dry_run->heard);
    if (dry_run->has_link && !dry_run->link.is_closing)
        od_link_close(&dry_run->link);
    uv_close((uv_handle_t *)&dry_run->child_signal, NULL);
}
