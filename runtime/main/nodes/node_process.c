#include "main/nodes/node_process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/fault.h"
#include "base/log.h"
#include "main/nodes/limits.h"
#include "main/nodes/node_seats.h"
#include "main/processes/limits.h"

static void check(const struct od_node_process *nodes)
{
    OD_ASSERT(!nodes->is_ready || nodes->has_link);
    OD_ASSERT(!nodes->has_joined || nodes->is_ready);
    OD_ASSERT(nodes->poll_count <= nodes->listeners.count);
}

// --- Its life ------------------------------------------------------------------------------------

static bool start(struct od_node_process *nodes, struct od_error *err);

static void start_later(struct od_node_process *nodes)
{
    if (!nodes->is_closing)
        od_loop_set_timer(nodes->loop, &nodes->restart_timer, OD_NODE_RESTART_MS);
}

static void on_restart(struct od_timer *timer)
{
    struct od_node_process *nodes = OD_TIMER_MEMBER(timer, struct od_node_process, restart_timer);
    struct od_error err;
    if (start(nodes, &err))
        return;
    od_log(OD_LOG_ERROR, NULL, "%s; it is tried again", err.text);
    start_later(nodes);
}

static void reap(struct od_node_process *nodes)
{
    int status;
    char how[64];
    if (nodes->has_link || nodes->is_closing || !od_process_reap(&nodes->process, &status))
        return;
    od_process_describe_end(status, how, sizeof how);
    if (nodes->was_ready)
        od_log(OD_LOG_ERROR, NULL,
               "the process for other nodes ended: %s; what was on its way to them is lost, and "
               "another one is started",
               how);
    start_later(nodes);
}

// Questions and not the clock: in a time in which main stood still, too, it may have been stopped
// as well. Who is stopped hears nothing but SIGKILL, and its links would be there without it.
static void ask(struct od_node_process *nodes)
{
    if (nodes->asked == OD_NODE_ASKED_MAX) {
        od_log(OD_LOG_ERROR, NULL,
               "the process for other nodes has stood still for %d s, and is killed",
               OD_NODE_ASKED_MAX * OD_NODE_ASKED_MS / 1000);
        od_process_kill(&nodes->process);
    }
    if (nodes->asked++ < OD_NODE_ASKED_MAX)
        od_link_send(&nodes->link, OD_KIND_TURN, (od_slice){NULL, 0}, -1);
}

static void on_ask(struct od_timer *timer)
{
    struct od_node_process *nodes = OD_TIMER_MEMBER(timer, struct od_node_process, ask_timer);
    check(nodes);
    if (nodes->has_link && !nodes->link.is_gone && !OD_FAULT("still.hold"))
        ask(nodes);
    od_loop_set_timer(nodes->loop, timer, OD_NODE_ASKED_MS);
}

static void on_child_signal(uv_signal_t *handle, int number)
{
    (void)number;
    reap(handle->data);
}

// Said once, until it can begin: it is tried several times a second.
static void take_failed(struct od_node_process *nodes, od_slice body)
{
    if (nodes->has_failed)
        return;
    nodes->has_failed = true;
    struct od_cursor cursor = od_cursor_of(body);
    od_slice why = od_cursor_string(&cursor);
    od_log(OD_LOG_ERROR, NULL, "other nodes cannot be linked: %.*s; it is tried again",
           (int)why.size, why.at);
}

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct od_node_process *nodes = link->owner;
    check(nodes);
    if (fd >= 0)
        close(fd);
    if (kind == OD_KIND_READY) {
        nodes->is_ready = nodes->was_ready = true;
        nodes->has_failed = false;
        od_node_seats_tell_all(nodes);
    } else if (kind == OD_KIND_LOAD_FAILED) {
        take_failed(nodes, body);
    } else if (kind == OD_KIND_NODE_STATE) {
        od_node_seats_take_state(nodes, body);
    } else if (kind == OD_KIND_NODE_WORKER) {
        od_node_seats_take_worker(nodes, body);
    } else if (kind == OD_KIND_TURN) {
        nodes->asked = 0;
    }
}

static void on_gone(struct od_link *link)
{
    struct od_node_process *nodes = link->owner;
    nodes->is_ready = nodes->has_joined = false;
    if (!nodes->is_closing)
        od_node_seats_lose_all(nodes);
    od_process_kill(&nodes->process);
    od_link_close(link);
}

static void on_closed(struct od_link *link)
{
    struct od_node_process *nodes = link->owner;
    nodes->has_link = false;
    reap(nodes);
}

static const struct od_link_events link_events = {on_message, on_gone, on_closed};

static bool start(struct od_node_process *nodes, struct od_error *err)
{
    int fds[2];
    OD_ASSERT(!nodes->has_link);
    if (!od_link_pair(fds, err))
        return false;
    struct od_child_args args = {OD_CHILD_NODE, fds[1], -1};
    bool has_process = od_process_spawn(&nodes->process, nodes->options, &args, err);
    close(fds[1]);
    if (!has_process)
        close(fds[0]);
    else
        nodes->has_link =
            od_link_init(&nodes->link, &nodes->loop->uv, fds[0], &link_events, nodes, err);
    if (has_process && !nodes->has_link)
        od_process_end(&nodes->process);
    nodes->asked = 0;
    od_loop_set_timer(nodes->loop, &nodes->ask_timer, OD_NODE_ASKED_MS);
    return nodes->has_link || od_error_prefix(err, "cannot start the process for other nodes");
}

// --- Connections ---------------------------------------------------------------------------------

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct od_node_process *nodes = poll->data;
    int fd = accept4(nodes->listeners.fds[poll - nodes->polls], NULL, NULL,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    (void)status, (void)events;
    bool can_take = nodes->has_joined && !nodes->link.is_gone &&
                    od_link_waiting_bytes(&nodes->link) < OD_LINK_WAITING_BYTES_MAX;
    if (fd >= 0 && !can_take)
        close(fd);
    else if (fd >= 0)
        od_link_send(&nodes->link, OD_KIND_NODE_CALLER, (od_slice){NULL, 0}, fd);
}

enum od_exit od_node_process_open(struct od_node_process *nodes, struct od_error *err)
{
    const struct od_options *options = nodes->options;
    if (!options->has_cluster_listen && options->cluster != NULL)
        od_log(OD_LOG_WARN, NULL,
               "there is no --cluster-listen: this node reaches no object of another one, and no "
               "other one reaches what is here");
    if (!options->has_cluster_listen)
        return OD_EXIT_CLEAN;
    if (access(options->cluster_secret_file, R_OK) != 0) {
        od_error_errno(err, "--cluster-secret-file: %s cannot be read",
                       options->cluster_secret_file);
        return OD_EXIT_WRONG;
    }
    enum od_exit exit =
        od_listeners_open(&nodes->listeners, &options->cluster_listen, "--cluster-listen", err);
    if (exit != OD_EXIT_CLEAN)
        return exit;
    for (size_t i = 0; i < nodes->listeners.count; i++) {
        int failed = uv_poll_init(&nodes->loop->uv, &nodes->polls[i], nodes->listeners.fds[i]);
        OD_ASSERT(failed == 0);
        nodes->polls[i].data = nodes;
        nodes->poll_count++;
        uv_poll_start(&nodes->polls[i], UV_READABLE, on_connection);
    }
    return start(nodes, err) ? OD_EXIT_CLEAN : OD_EXIT_WRONG;
}

void od_node_process_address(const struct od_node_process *nodes, char *text, size_t size)
{
    const char *host = nodes->options->cluster_listen.host;
    bool is_v6 = strchr(host, ':') != NULL;
    *text = '\0';
    if (nodes->options->has_cluster_listen)
        snprintf(text, size, is_v6 ? "[%s]:%u" : "%s:%u", host, nodes->listeners.port);
}

// --- Beginning and end ---------------------------------------------------------------------------

void od_node_process_init(struct od_node_process *nodes, struct od_loop *loop,
                          const struct od_options *options, const struct od_placement *placement,
                          struct od_supervisor *supervisor)
{
    *nodes = (struct od_node_process){.loop = loop,
                                      .options = options,
                                      .placement = placement,
                                      .supervisor = supervisor,
                                      .restart_timer = {.fire = on_restart},
                                      .ask_timer = {.fire = on_ask}};
    int status = uv_signal_init(&loop->uv, &nodes->child_signal);
    OD_ASSERT(status == 0);
    nodes->child_signal.data = nodes;
    status = uv_signal_start(&nodes->child_signal, on_child_signal, SIGCHLD);
    OD_ASSERT(status == 0);
}

// Nothing is owed to other nodes that they would not see as the end of this one.
void od_node_process_close(struct od_node_process *nodes)
{
    check(nodes);
    nodes->is_closing = true;
    od_loop_clear_timer(nodes->loop, &nodes->restart_timer);
    od_loop_clear_timer(nodes->loop, &nodes->ask_timer);
    uv_close((uv_handle_t *)&nodes->child_signal, NULL);
    for (; nodes->poll_count > 0; nodes->poll_count--)
        uv_close((uv_handle_t *)&nodes->polls[nodes->poll_count - 1], NULL);
    od_listeners_close(&nodes->listeners);
    if (nodes->has_link && !nodes->link.is_closing) {
        od_link_flush(&nodes->link);
        od_link_close(&nodes->link);
    }
    od_process_await_end(&nodes->process, OD_NODE_END_WAIT_MS_MAX);
}
