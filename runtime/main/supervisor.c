#include "main/supervisor.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "main/limits.h"

static const struct od_link_events link_events;

static struct od_child *child_of_timer(struct od_timer *timer)
{
    return OD_TIMER_MEMBER(timer, struct od_child, timer);
}

static void kill_process(struct od_child *child)
{
    if (child->pid > 0)
        kill(child->pid, SIGKILL);
}

// Birth

static void introduce(struct od_child *a, struct od_child *b)
{
    int fds[2];
    struct od_error err;
    if (!od_link_pair(fds, &err)) {
        od_log(OD_LOG_ERROR, NULL, "workers %u and %u cannot call each other: %s", a->index,
               b->index, err.text);
        return;
    }
    struct od_child *const both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        size_t mark = od_link_begin(&both[i]->link, OD_KIND_PEER, fds[i]);
        od_bytes_put_u32(&both[i]->link.out, both[1 - i]->index);
        od_link_end(&both[i]->link, mark);
    }
}

static void introduce_to_all(struct od_child *child)
{
    struct od_supervisor *supervisor = child->supervisor;
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        struct od_child *other = &supervisor->children[i];
        if (other != child && other->has_link && other->state != OD_CHILD_ENDED)
            introduce(child, other);
    }
}

static void on_load_late(struct od_timer *timer)
{
    struct od_child *child = child_of_timer(timer);
    od_log(OD_LOG_ERROR, NULL,
           "worker %u has not loaded the script within %d s and is killed: does the script loop "
           "outside of its handlers?",
           child->index, OD_LOAD_MS_MAX / 1000);
    kill_process(child);
}

static void begin_life(struct od_child *child, int link_fd)
{
    struct od_supervisor *supervisor = child->supervisor;
    child->source = ++supervisor->last_source;
    child->last_pid = child->pid;
    child->state = OD_CHILD_LOADING;
    child->has_link = true;
    child->is_vacated = child->has_load_failed = child->is_overdue = false;
    child->watchdog = (struct od_watchdog){0};
    child->durable = child->applied = 0;
    child->started_ms = od_clock_monotonic_ms();
    child->timer.fire = on_load_late;
    od_link_init(&child->link, &supervisor->loop->uv, link_fd, &link_events, child);
    od_loop_set_timer(supervisor->loop, &child->timer, OD_LOAD_MS_MAX);
    supervisor->events->born(supervisor->owner, child);
    introduce_to_all(child);
}

static bool make_page(struct od_child *child, int *fd, struct od_error *err)
{
    if (!od_page_new(&child->page, fd, err))
        return false;
    child->page->last_number = child->last_number;
    child->page->first_socket = child->given_back;
    return true;
}

static void drop_page(struct od_child *child)
{
    od_page_free(child->page);
    child->page = NULL;
}

static bool spawn(struct od_child *child, int link_fd, struct od_error *err)
{
    struct od_child_seat seat = {child->index, link_fd, -1};
    if (!make_page(child, &seat.page_fd, err))
        return od_error_prefix(err, "cannot start worker %u", child->index);
    bool ok = od_child_spawn(child->supervisor->options, &seat, &child->pid, err);
    close(seat.page_fd);
    if (!ok)
        drop_page(child);
    return ok;
}

static bool start(struct od_child *child, struct od_error *err)
{
    int fds[2];
    if (!od_link_pair(fds, err))
        return od_error_prefix(err, "cannot start worker %u", child->index);
    bool ok = spawn(child, fds[1], err);
    close(fds[1]);
    if (ok)
        begin_life(child, fds[0]);
    else
        close(fds[0]);
    return ok;
}

static void on_restart(struct od_timer *timer);

static void start_later(struct od_child *child)
{
    struct od_loop *loop = child->supervisor->loop;
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
    if (start(child, &err))
        return;
    od_log(OD_LOG_ERROR, NULL, "%s", err.text);
    start_later(child);
}

// Death

static void stop_when_empty(struct od_supervisor *supervisor)
{
    if (!supervisor->is_stopping || supervisor->has_stopped)
        return;
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        if (supervisor->children[i].state != OD_CHILD_ABSENT)
            return;
    }
    supervisor->has_stopped = true;
    od_loop_clear_timer(supervisor->loop, &supervisor->drain_timer);
    supervisor->events->stopped(supervisor->owner);
}

static void empty_place(struct od_child *child)
{
    if (child->state != OD_CHILD_ENDED || child->has_link || !child->is_vacated)
        return;
    child->state = OD_CHILD_ABSENT;
    if (child->supervisor->is_stopping)
        stop_when_empty(child->supervisor);
    else
        start_later(child);
}

static void describe_end(const struct od_child *child, int status, struct od_ending *how)
{
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    od_child_describe_end(status, how->why, sizeof how->why);
    how->is_foreign = (number == SIGKILL || number == SIGTERM) && !child->is_overdue;
    how->was_running = od_page_running(child->page, &how->event);
}

// A link is read to its end before this, so that the last words of a worker are heard.
static void end_life(struct od_child *child, int status)
{
    struct od_supervisor *supervisor = child->supervisor;
    struct od_ending how = {0};
    describe_end(child, status, &how);
    child->pid = 0;
    child->state = OD_CHILD_ENDED;
    od_loop_clear_timer(supervisor->loop, &child->timer);
    child->ended_ms = od_clock_monotonic_ms();
    supervisor->events->ended(supervisor->owner, child, &how);
    child->last_number = child->page->last_number + OD_PAGE_NUMBERS_A_TURN_MAX;
    drop_page(child);
    empty_place(child);
}

static void reap(struct od_child *child)
{
    int status;
    if (child->pid > 0 && !child->has_link && waitpid(child->pid, &status, WNOHANG) == child->pid)
        end_life(child, status);
}

static void on_child_signal(uv_signal_t *handle, int number)
{
    (void)number;
    struct od_supervisor *supervisor = handle->data;
    for (uint32_t i = 0; i < supervisor->child_count; i++)
        reap(&supervisor->children[i]);
}

static void on_link_gone(struct od_link *link)
{
    struct od_child *child = link->owner;
    if (child->state != OD_CHILD_DRAINING)
        kill_process(child); // Mostly it is dead already; without a link it would be of no use.
    od_link_close(link);
}

static void on_link_closed(struct od_link *link)
{
    struct od_child *child = link->owner;
    child->has_link = false;
    reap(child);
}

// Messages

typedef bool take_message(struct od_child *child, od_slice body);

static bool take_ready(struct od_child *child, od_slice body)
{
    struct od_supervisor *supervisor = child->supervisor;
    (void)body;
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

void od_supervisor_admit(struct od_child *child)
{
    if (child->state == OD_CHILD_RESTORING)
        child->state = OD_CHILD_READY;
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

static take_message *const own_messages[OD_KIND_COUNT] = {
    [OD_KIND_READY] = take_ready,
    [OD_KIND_LOAD_FAILED] = take_load_failed,
    [OD_KIND_DRAINED] = take_drained,
};

static bool take(struct od_child *child, enum od_kind kind, od_slice body, int fd)
{
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
    kill_process(child);
}

static const struct od_link_events link_events = {on_link_message, on_link_gone, on_link_closed};

void od_supervisor_put_watermarks(struct od_child *child)
{
    struct {
        enum od_kind kind;
        uint64_t seq;
    } const news[] = {{OD_KIND_DURABLE, child->durable}, {OD_KIND_APPLIED, child->applied}};
    for (int i = 0; i < 2; i++) {
        if (news[i].seq == 0)
            continue;
        size_t mark = od_link_begin(&child->link, news[i].kind, -1);
        od_bytes_put_u64(&child->link.out, news[i].seq);
        od_link_end(&child->link, mark);
    }
    child->durable = child->applied = 0;
}

void od_supervisor_flush(struct od_supervisor *supervisor)
{
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        struct od_child *child = &supervisor->children[i];
        if (!child->has_link || child->link.is_closing)
            continue;
        od_supervisor_put_watermarks(child);
        if (od_link_waiting_bytes(&child->link) > 0)
            od_link_flush(&child->link);
    }
}

// Who is there

struct od_child *od_supervisor_ready(struct od_supervisor *supervisor, uint32_t index)
{
    OD_ASSERT(index < supervisor->child_count);
    struct od_child *child = &supervisor->children[index];
    bool can_take = child->state == OD_CHILD_READY && !child->link.is_gone &&
                    od_link_waiting_bytes(&child->link) < OD_LINK_WAITING_BYTES_MAX;
    return can_take ? child : NULL;
}

struct od_child *od_supervisor_ready_any(struct od_supervisor *supervisor)
{
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        uint32_t index = supervisor->next_any++ % supervisor->child_count;
        struct od_child *child = od_supervisor_ready(supervisor, index);
        if (child != NULL)
            return child;
    }
    return NULL;
}

uint32_t od_supervisor_ready_count(const struct od_supervisor *supervisor)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < supervisor->child_count; i++)
        count += supervisor->children[i].state == OD_CHILD_READY;
    return count;
}

struct od_child *od_supervisor_by_source(struct od_supervisor *supervisor, uint32_t source)
{
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        if (supervisor->children[i].source == source)
            return &supervisor->children[i];
    }
    return NULL;
}

void od_supervisor_vacate(struct od_supervisor *supervisor, uint32_t source)
{
    struct od_child *child = od_supervisor_by_source(supervisor, source);
    if (child == NULL)
        return;
    child->is_vacated = true;
    empty_place(child);
}

// The watchdog

static void look_at(struct od_child *child)
{
    struct od_page_event event;
    uint32_t limit_ms = child->supervisor->options->event_limit_ms;
    if (child->pid == 0 || child->is_overdue ||
        !od_watchdog_look(&child->watchdog, child->page, limit_ms, &event))
        return;
    od_log(OD_LOG_ERROR, event.label,
           "%s has run for more than %u ms (--event-limit-ms); worker %u is killed and replaced",
           event.name, limit_ms, child->index);
    child->is_overdue = true;
    kill_process(child);
}

static void on_watch(struct od_timer *timer)
{
    struct od_supervisor *supervisor = OD_TIMER_MEMBER(timer, struct od_supervisor, watch_timer);
    for (uint32_t i = 0; i < supervisor->child_count; i++)
        look_at(&supervisor->children[i]);
    od_loop_set_timer(supervisor->loop, timer,
                      od_watchdog_interval_ms(supervisor->options->event_limit_ms));
}

// The whole

void od_supervisor_init(struct od_supervisor *supervisor, struct od_loop *loop,
                        const struct od_options *options, uint32_t child_count,
                        const struct od_supervisor_events *events, void *owner)
{
    *supervisor = (struct od_supervisor){.loop = loop,
                                         .options = options,
                                         .events = events,
                                         .owner = owner,
                                         .child_count = child_count};
    supervisor->children = od_allocate_zeroed(child_count * sizeof *supervisor->children);
    for (uint32_t i = 0; i < child_count; i++) {
        supervisor->children[i].supervisor = supervisor;
        supervisor->children[i].index = i;
    }
    int status = uv_signal_init(&loop->uv, &supervisor->child_signal);
    OD_ASSERT(status == 0);
    supervisor->child_signal.data = supervisor;
    status = uv_signal_start(&supervisor->child_signal, on_child_signal, SIGCHLD);
    OD_ASSERT(status == 0);
}

bool od_supervisor_start(struct od_supervisor *supervisor, struct od_error *err)
{
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        if (!start(&supervisor->children[i], err))
            return false;
    }
    od_supervisor_flush(supervisor);
    supervisor->watch_timer.fire = on_watch;
    on_watch(&supervisor->watch_timer);
    return true;
}

static void on_drain_late(struct od_timer *timer)
{
    struct od_supervisor *supervisor = OD_TIMER_MEMBER(timer, struct od_supervisor, drain_timer);
    od_log(OD_LOG_WARN, NULL, "workers have not finished within %d s and are killed",
           OD_DRAIN_MS_MAX / 1000);
    od_supervisor_kill(supervisor);
}

static void drain_child(struct od_child *child)
{
    od_loop_clear_timer(child->supervisor->loop, &child->timer);
    if (child->state == OD_CHILD_READY || child->state == OD_CHILD_RESTORING) {
        size_t mark = od_link_begin(&child->link, OD_KIND_DRAIN, -1);
        od_bytes_put_u32(&child->link.out, OD_DRAIN_MS_MAX);
        od_link_end(&child->link, mark);
        child->state = OD_CHILD_DRAINING;
    } else {
        kill_process(child); // Nothing was given to one that is still loading.
    }
}

void od_supervisor_drain(struct od_supervisor *supervisor)
{
    supervisor->is_stopping = true;
    supervisor->drain_timer.fire = on_drain_late;
    od_loop_set_timer(supervisor->loop, &supervisor->drain_timer, OD_DRAIN_MS_MAX);
    for (uint32_t i = 0; i < supervisor->child_count; i++)
        drain_child(&supervisor->children[i]);
    stop_when_empty(supervisor);
}

void od_supervisor_kill(struct od_supervisor *supervisor)
{
    supervisor->is_stopping = true;
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        od_loop_clear_timer(supervisor->loop, &supervisor->children[i].timer);
        kill_process(&supervisor->children[i]);
    }
    stop_when_empty(supervisor);
}

void od_supervisor_deinit(struct od_supervisor *supervisor)
{
    OD_ASSERT(supervisor->has_stopped);
    od_loop_clear_timer(supervisor->loop, &supervisor->watch_timer);
    uv_close((uv_handle_t *)&supervisor->child_signal, NULL);
    free(supervisor->children);
    supervisor->children = NULL;
}
