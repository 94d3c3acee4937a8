#include "main/processes/tls_process.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "main/processes/limits.h"

// --- Its life ------------------------------------------------------------------------------------

static void start_later(struct od_tls_process *tls)
{
    if (!tls->is_closing)
        od_loop_set_timer(tls->loop, &tls->restart_timer,
                          tls->has_failed ? OD_TLS_FAILED_MS : OD_TLS_RESTART_MS);
}

static void on_restart(struct od_timer *timer)
{
    struct od_tls_process *tls = OD_TIMER_MEMBER(timer, struct od_tls_process, restart_timer);
    struct od_error err;
    if (od_tls_process_start(tls, &err))
        return;
    od_log(OD_LOG_ERROR, NULL, "%s; it is tried again", err.text);
    start_later(tls);
}

static void reap(struct od_tls_process *tls)
{
    int status;
    char how[64];
    if (tls->has_link || tls->is_closing || !od_process_reap(&tls->process, &status))
        return;
    od_process_describe_end(status, how, sizeof how);
    if (tls->was_ready)
        od_log(
            OD_LOG_ERROR, NULL,
            "the process for TLS ended: %s; its connections are lost, and another one is started",
            how);
    start_later(tls);
}

static void on_child_signal(uv_signal_t *handle, int number)
{
    (void)number;
    reap(handle->data);
}

static void take_ready(struct od_tls_process *tls)
{
    bool is_first = !tls->was_ready;
    tls->is_ready = tls->was_ready = true;
    tls->has_failed = false;
    if (is_first)
        tls->ready(tls->owner);
}

static void take_failed(struct od_tls_process *tls, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    od_slice why = od_cursor_string(&cursor);
    tls->has_failed = true;
    if (tls->was_ready)
        od_log(OD_LOG_ERROR, NULL, "the process for TLS cannot serve: %.*s", (int)why.size, why.at);
    else
        tls->failed(tls->owner, why);
}

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct od_tls_process *tls = link->owner;
    if (fd >= 0)
        close(fd);
    if (kind == OD_KIND_READY)
        take_ready(tls);
    else if (kind == OD_KIND_LOAD_FAILED)
        take_failed(tls, body);
}

static void on_gone(struct od_link *link)
{
    struct od_tls_process *tls = link->owner;
    tls->is_ready = false;
    od_process_kill(&tls->process);
    od_link_close(link);
}

static void on_closed(struct od_link *link)
{
    struct od_tls_process *tls = link->owner;
    tls->has_link = false;
    reap(tls);
}

static const struct od_link_events link_events = {on_message, on_gone, on_closed};

bool od_tls_process_start(struct od_tls_process *tls, struct od_error *err)
{
    int fds[2];
    if (!od_link_pair(fds, err))
        return false;
    struct od_child_args args = {OD_CHILD_TLS, fds[1], -1};
    bool has_process = od_process_spawn(&tls->process, tls->options, &args, err);
    close(fds[1]);
    if (!has_process)
        close(fds[0]);
    else
        tls->has_link = od_link_init(&tls->link, &tls->loop->uv, fds[0], &link_events, tls, err);
    if (has_process && !tls->has_link)
        od_process_end(&tls->process);
    return tls->has_link || od_error_prefix(err, "cannot start the process for TLS");
}

// --- Connections ---------------------------------------------------------------------------------

int od_tls_process_wrap(struct od_tls_process *tls, int fd)
{
    int pair[2];
    struct od_error err;
    bool can_take = tls->is_ready && !tls->link.is_gone &&
                    od_link_waiting_bytes(&tls->link) < OD_LINK_WAITING_BYTES_MAX;
    if (!can_take || !od_link_pair(pair, &err)) {
        close(fd);
        return -1;
    }
    od_link_send(&tls->link, OD_KIND_TLS_OUTER, (od_slice){NULL, 0}, fd);
    od_link_send(&tls->link, OD_KIND_TLS_INNER, (od_slice){NULL, 0}, pair[1]);
    od_link_flush(&tls->link);
    return pair[0];
}

void od_tls_process_reload(struct od_tls_process *tls)
{
    if (!tls->is_ready || tls->link.is_gone)
        return;
    od_link_send(&tls->link, OD_KIND_TLS_RELOAD, (od_slice){NULL, 0}, -1);
    od_link_flush(&tls->link);
}

// --- Beginning and end ---------------------------------------------------------------------------

void od_tls_process_init(struct od_tls_process *tls, struct od_loop *loop,
                         const struct od_options *options, void (*ready)(void *owner),
                         void (*failed)(void *owner, od_slice why), void *owner)
{
    *tls = (struct od_tls_process){.loop = loop,
                                   .options = options,
                                   .ready = ready,
                                   .failed = failed,
                                   .owner = owner,
                                   .restart_timer = {.fire = on_restart}};
    od_tls_retired_init(&tls->retired, loop);
    int status = uv_signal_init(&loop->uv, &tls->child_signal);
    OD_ASSERT(status == 0);
    tls->child_signal.data = tls;
    status = uv_signal_start(&tls->child_signal, on_child_signal, SIGCHLD);
    OD_ASSERT(status == 0);
}

// The end of the link tells it to end, too.
void od_tls_process_close(struct od_tls_process *tls)
{
    tls->is_closing = true;
    od_loop_clear_timer(tls->loop, &tls->restart_timer);
    uv_close((uv_handle_t *)&tls->child_signal, NULL);
    if (tls->has_link && !tls->link.is_closing)
        od_link_close(&tls->link);
    od_tls_retired_close(&tls->retired);
    od_process_await_end(&tls->process, OD_TLS_END_WAIT_MS_MAX);
}

int od_tls_process_number(const struct od_tls_process *tls)
{
    return od_process_number(&tls->process);
}

int od_tls_process_fd(const struct od_tls_process *tls)
{
    return tls->is_ready && !tls->link.is_gone ? tls->link.fd : -1;
}

bool od_tls_process_adopt(struct od_tls_process *tls, int number, int link_fd, struct od_error *err)
{
    if (!od_tls_retired_is_like_us(number)) {
        od_tls_retired_add(&tls->retired, number, link_fd);
        return true;
    }
    od_process_adopt(&tls->process, number);
    tls->has_link = od_link_init(&tls->link, &tls->loop->uv, link_fd, &link_events, tls, err);
    tls->is_ready = tls->was_ready = tls->has_link;
    return tls->has_link;
}
