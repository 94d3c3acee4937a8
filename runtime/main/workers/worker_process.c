#include "main/workers/worker_process.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "main/workers/limits.h"
#include "main/workers/supervisor.h"

static const struct od_link_events link_events;

static struct od_child *child_of_timer(struct od_timer *timer)
{
    return OD_TIMER_MEMBER(timer, struct od_child, timer);
}

static void check_life(const struct od_child *child)
{
    OD_ASSERT(child->page != NULL);
    OD_ASSERT(child->source != 0);
    OD_ASSERT(od_process_is_there(&child->process));
}

void od_child_check(const struct od_child *child)
{
    OD_ASSERT(child->index < child->supervisor->child_count);
    OD_ASSERT(child->state <= OD_CHILD_ENDED);
    if (child->state != OD_CHILD_ABSENT && child->state != OD_CHILD_ENDED) {
        check_life(child);
        return;
    }
    OD_ASSERT(!od_process_is_there(&child->process));
    OD_ASSERT(!child->has_link);
}

void od_worker_process_kill(struct od_child *child)
{
    od_process_kill(&child->process);
}

// --- Birth ---------------------------------------------------------------------------------------

static bool introduce(struct od_child *a, struct od_child *b)
{
    OD_ASSERT(a != b);
    OD_ASSERT(a->has_link);
    OD_ASSERT(b->has_link);
    int fds[2];
    struct od_error err;
    if (!od_link_pair(fds, &err)) {
        od_log(OD_LOG_ERROR, NULL, "workers %u and %u cannot call each other: %s", a->index,
               b->index, err.text);
        return false;
    }
    struct od_child *const both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        size_t mark = od_link_begin(&both[i]->link, OD_KIND_PEER, fds[i]);
        od_bytes_put_u32(&both[i]->link.out, both[1 - i]->index);
        od_link_end(&both[i]->link, mark);
    }
    return true;
}

// A worker that cannot reach all others would fail calls for as long as it lives: a later one will.
static void introduce_to_all(struct od_child *child)
{
    struct od_supervisor *supervisor = child->supervisor;
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        struct od_child *other = &supervisor->children[i];
        // One that has ended gets a new life later, which is introduced then.
        bool is_there = other != child && other->has_link && other->state != OD_CHILD_ENDED;
        if (is_there && !introduce(child, other)) {
            od_worker_process_kill(child);
            return;
        }
    }
}

static void on_load_late(struct od_timer *timer)
{
    struct od_child *child = child_of_timer(timer);
    od_log(OD_LOG_ERROR, NULL,
           "worker %u has not loaded the script within %d s and is killed: does the script loop "
           "outside of its handlers?",
           child->index, OD_LOAD_MS_MAX / 1000);
    od_worker_process_kill(child);
}

static bool make_page(struct od_child *child, int *fd, struct od_error *err)
{
    OD_ASSERT(child->page == NULL);
    if (!od_worker_page_new(&child->page, fd, err))
        return false;
    // Numbers go on over all lives, so that one of a former life finds nothing in this.
    child->page->last_number = child->last_number;
    memcpy(child->page->files, child->supervisor->files, sizeof child->page->files);
    child->page->first_socket = child->given_back;
    return true;
}

static void drop_page(struct od_child *child)
{
    od_worker_page_free(child->page);
    child->page = NULL;
}

static bool spawn(struct od_child *child, int link_fd, struct od_error *err)
{
    struct od_child_args args = {child->index, link_fd, -1};
    if (!make_page(child, &args.page_fd, err))
        return false;
    bool ok = od_process_spawn(&child->process, child->supervisor->options, &args, err);
    close(args.page_fd);
    if (!ok)
        drop_page(child);
    return ok;
}

static void unspawn(struct od_child *child)
{
    od_process_end(&child->process);
    drop_page(child);
}

// On false nothing of it is left: no process, no page, no link.
static bool make_life(struct od_child *child, struct od_error *err)
{
    int fds[2];
    uv_loop_t *uv = &child->supervisor->loop->uv;
    if (!od_link_pair(fds, err))
        return false;
    bool has_process = spawn(child, fds[1], err);
    close(fds[1]);
    if (!has_process)
        close(fds[0]);
    else if (od_link_init(&child->link, uv, fds[0], &link_events, child, err))
        return true;
    else
        unspawn(child);
    return false;
}

static void begin_life(struct od_child *child)
{
    OD_ASSERT(child->state == OD_CHILD_ABSENT);
    OD_ASSERT(child->page != NULL);
    struct od_supervisor *supervisor = child->supervisor;
    child->source = ++supervisor->last_source;
    child->state = OD_CHILD_LOADING;
    child->has_link = true;
    child->is_vacated = child->has_load_failed = child->is_overdue = child->is_calm = false;
    child->watchdog = (struct od_watchdog){0};
    child->durable = child->applied = 0;
    child->failed_starts = 0;
    child->timer.fire = on_load_late;
    od_loop_set_timer(supervisor->loop, &child->timer, OD_LOAD_MS_MAX);
    // The owner first: what it puts on the link (the script) a worker hears before it can be
    // called.
    supervisor->events->born(supervisor->owner, child);
    od_child_check(child);
    introduce_to_all(child);
}

bool od_worker_process_start(struct od_child *child, struct od_error *err)
{
    od_child_check(child);
    OD_ASSERT(child->state == OD_CHILD_ABSENT);
    child->started_ms = od_clock_monotonic_ms();
    if (!make_life(child, err))
        return od_error_prefix(err, "cannot start worker %u", child->index);
    begin_life(child);
    return true;
}

static void on_restart(struct od_timer *timer);

void od_worker_process_start_later(struct od_child *child)
{
    OD_ASSERT(child->state == OD_CHILD_ABSENT);
    struct od_loop *loop = child->supervisor->loop;
    // A long life was no failure of its start.
    if (od_clock_monotonic_ms() - child->started_ms >= OD_RESTART_CALM_MS)
        child->restart_ms = 0;
    child->timer.fire = on_restart;
    od_loop_set_timer(loop, &child->timer, child->restart_ms);
    child->restart_ms = child->restart_ms == 0 ? OD_RESTART_MS_MIN : child->restart_ms * 2;
    if (child->restart_ms > OD_RESTART_MS_MAX)
        child->restart_ms = OD_RESTART_MS_MAX;
}

static void on_restart(struct od_timer *timer)
{
    struct od_child *child = child_of_timer(timer);
    struct od_error err;
    if (od_worker_process_start(child, &err))
        return;
    child->failed_starts++;
    snprintf(child->why_not, sizeof child->why_not, "%.*s", (int)sizeof child->why_not - 1,
             err.text);
    od_log(OD_LOG_ERROR, NULL, "%s; it is tried again", err.text);
    od_worker_process_start_later(child);
}

// --- Death ---------------------------------------------------------------------------------------

void od_worker_process_empty_place(struct od_child *child)
{
    OD_ASSERT(child->state <= OD_CHILD_ENDED);
    if (child->state != OD_CHILD_ENDED || child->has_link || !child->is_vacated)
        return;
    // All three have happened (child.h), and this was the last of them.
    child->state = OD_CHILD_ABSENT;
    if (child->supervisor->is_stopping || child->supervisor->is_leaving)
        od_supervisor_stop_when_empty(child->supervisor);
    else
        od_worker_process_start_later(child);
}

static void describe_end(const struct od_child *child, int status, struct od_ending *how)
{
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    od_process_describe_end(status, how->why, sizeof how->why);
    how->is_foreign = (number == SIGKILL || number == SIGTERM) && !child->is_overdue;
    how->is_planned = child->state == OD_CHILD_LEAVING && status == 0;
    how->was_running = od_worker_page_running(child->page, &how->event);
}

// Which of their calls it had begun, for those who wait for answers of it.
static void tell_end(const struct od_child *child, struct od_child *other)
{
    const struct od_worker_page *page = child->page;
    size_t mark = od_link_begin(&other->link, OD_KIND_PEER_ENDED, -1);
    od_bytes_put_u32(&other->link.out, child->index);
    od_bytes_put_u8(&other->link.out, page->calls_overflow != 0);
    for (uint32_t i = 0; i < page->call_count && i < OD_PAGE_CALLS_MAX; i++) {
        const struct od_page_call *call = &page->calls[i];
        if (call->number != 0 && call->worker == other->index)
            od_bytes_put_u64(&other->link.out, call->number);
    }
    od_link_end(&other->link, mark);
}

static void tell_all(const struct od_child *child)
{
    struct od_supervisor *supervisor = child->supervisor;
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        struct od_child *other = &supervisor->children[i];
        if (other != child && other->has_link && other->state != OD_CHILD_ENDED)
            tell_end(child, other);
    }
}

// What its page says, if that can be so: a worker in strange hands may have written anything there,
// and with a number that is too large no later life could run (sockets are numbers of Lua).
static uint64_t last_number_of(const struct od_child *child)
{
    uint64_t life_ms = (uint64_t)(child->ended_ms - child->started_ms);
    uint64_t most = child->last_number + (life_ms + 1) * OD_NUMBERS_A_MS_MAX;
    uint64_t said = child->page->last_number;
    return said >= child->last_number && said <= most ? said : most;
}

// A link is read to its end before this, so that the last words of a worker are heard.
static void end_life(struct od_child *child, int status)
{
    OD_ASSERT(child->page != NULL);
    OD_ASSERT(!child->has_link);
    struct od_supervisor *supervisor = child->supervisor;
    struct od_ending how = {0};
    describe_end(child, status, &how);
    child->state = OD_CHILD_ENDED;
    od_loop_clear_timer(supervisor->loop, &child->timer);
    child->ended_ms = od_clock_monotonic_ms();
    if (how.is_planned)
        child->restart_ms = 0;
    tell_all(child);
    // While its page can still be read: it says which connections are at rest.
    supervisor->events->ended(supervisor->owner, child, &how);
    // Told once a turn: those it gave in its last turn are not known, but bounded.
    child->last_number = last_number_of(child) + OD_PAGE_NUMBERS_A_TURN_MAX;
    drop_page(child);
    od_worker_process_empty_place(child);
}

void od_worker_process_reap(struct od_child *child)
{
    int status;
    if (!child->has_link && od_process_reap(&child->process, &status))
        end_life(child, status);
}

static void on_link_gone(struct od_link *link)
{
    struct od_child *child = link->owner;
    // One that drains or leaves has said all it had to say, and ends by itself.
    if (child->state != OD_CHILD_DRAINING && child->state != OD_CHILD_LEAVING)
        od_worker_process_kill(
            child); // Mostly it is dead already; without a link it would be of no use.
    od_link_close(link);
}

static void on_link_closed(struct od_link *link)
{
    OD_ASSERT(((struct od_child *)link->owner)->has_link);
    struct od_child *child = link->owner;
    child->has_link = false;
    od_worker_process_reap(child);
}

// --- Messages ------------------------------------------------------------------------------------

typedef bool take_message(struct od_child *child, od_slice body);

static bool take_ready(struct od_child *child, od_slice body)
{
    struct od_supervisor *supervisor = child->supervisor;
    (void)body;
    // It may say so just before it hears DRAIN; anything else is nonsense.
    if (child->state != OD_CHILD_LOADING)
        return child->state == OD_CHILD_DRAINING;
    child->state = OD_CHILD_RESTORING;
    od_loop_clear_timer(supervisor->loop, &child->timer);
    supervisor->events->ready(supervisor->owner, child);
    return true;
}

static bool take_load_failed(struct od_child *child, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    od_slice why = od_cursor_string(&cursor);
    if (cursor.failed || child->state != OD_CHILD_LOADING)
        return child->state == OD_CHILD_DRAINING;
    child->has_load_failed = true;
    child->supervisor->events->load_failed(child->supervisor->owner, child, why);
    return true;
}

// All it had to say is said and durable: the end of the link tells it to go.
static bool take_drained(struct od_child *child, od_slice body)
{
    (void)body;
    if (child->state != OD_CHILD_DRAINING)
        return false;
    od_supervisor_put_watermarks(child);
    od_link_flush(&child->link);
    od_link_close(&child->link);
    return true;
}

static bool take_calm(struct od_child *child, od_slice body)
{
    (void)body;
    child->is_calm = true;
    if (child->state == OD_CHILD_READY)
        child->supervisor->events->calm(child->supervisor->owner, child);
    return true;
}

static bool take_still(struct od_child *child, od_slice body)
{
    (void)body;
    if (child->state != OD_CHILD_LEAVING)
        return false;
    od_supervisor_still(child);
    return true;
}

static take_message *const own_messages[OD_KIND_COUNT] = {
    [OD_KIND_READY] = take_ready,     [OD_KIND_LOAD_FAILED] = take_load_failed,
    [OD_KIND_DRAINED] = take_drained, [OD_KIND_CALM] = take_calm,
    [OD_KIND_STILL] = take_still,
};

static bool take(struct od_child *child, enum od_kind kind, od_slice body, int fd)
{
    OD_ASSERT(kind < OD_KIND_COUNT);
    struct od_supervisor *supervisor = child->supervisor;
    if (own_messages[kind] == NULL)
        return supervisor->events->message(supervisor->owner, child, kind, body, fd);
    if (fd >= 0)
        close(fd);
    return own_messages[kind](child, body);
}

static void on_link_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct od_child *child = link->owner;
    if (take(child, kind, body, fd))
        return;
    od_log(OD_LOG_ERROR, NULL, "worker %u sent a %s that makes no sense and is killed",
           child->index, od_kind_name(kind));
    od_worker_process_kill(child);
}

static const struct od_link_events link_events = {on_link_message, on_link_gone, on_link_closed};
