#include "main/server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/thread.h"
#include "main/operator/notify.h"
#include "main/operator/operator.h"
#include "main/server_inner.h"
#include "main/takeover.h"
#include "main/upgrade.h"
#include "main/worker_messages.h"

// --- Stopping ------------------------------------------------------------------------------------

// Nothing is lost by SIGKILL: what was acknowledged is on disk. It is for workers that have not
// started to serve.
void od_server_stop(struct od_server *server, enum od_exit exit)
{
    if (server->state >= OD_SERVER_STOPPING)
        return;
    bool was_serving = server->state == OD_SERVER_SERVING;
    server->state = OD_SERVER_STOPPING;
    od_notify(OD_NOTIFY_STOPPING);
    server->exit = exit;
    od_door_leave(&server->door);
    od_reload_stop(&server->reload);
    od_alarm_clock_stop(&server->alarm_clock);
    od_server_leave_cluster(server);
    od_loop_clear_timer(&server->loop, &server->cluster.late);
    // Workers that have not served yet owe nobody anything.
    if (was_serving && exit != OD_EXIT_FENCED)
        od_supervisor_drain(&server->supervisor);
    else
        od_supervisor_kill(&server->supervisor);
}

// While starting, one worker that fails is the end: all read the same script.
static void stop_unless_serving(struct od_server *server)
{
    if (server->state == OD_SERVER_STARTING)
        od_server_stop(server, OD_EXIT_WRONG);
}

static void on_stopped(void *owner)
{
    struct od_server *server = owner;
    od_door_close(&server->door);
    server->state = OD_SERVER_OVER;
}

// --- The script ----------------------------------------------------------------------------------

// At the start the text is all there is to say, and the person who reads it is at a terminal.
static void on_first_failed(void *owner, od_slice why, bool waits)
{
    struct od_server *server = owner;
    fprintf(stderr, "%.*s\n", (int)why.size, why.at);
    if (waits)
        fprintf(stderr, "Save it again: open-do waits for a change.\n");
    else
        stop_unless_serving(server);
}

// The files that the version which serves is made of; `open-do dev` tells news of them.
static void note_watched(struct od_server *server, od_slice files)
{
    struct od_bytes text = {0};
    od_files_describe(files, &text);
    bool is_new = !od_slice_equal(od_bytes_slice(&text), od_bytes_slice(&server->watching));
    if (is_new && server->state == OD_SERVER_SERVING && server->options->command == OD_COMMAND_DEV)
        od_log(OD_LOG_INFO, NULL, "watching %.*s", (int)text.size, text.at);
    od_bytes_deinit(&server->watching);
    server->watching = text;
}

static void on_switched(void *owner, const struct od_verdict *verdict)
{
    struct od_server *server = owner;
    OD_ASSERT(verdict->ok);
    server->status.script_version = server->reload.version;
    od_router_serve(&server->router, verdict);
    od_alarm_clock_serve(&server->alarm_clock, verdict);
    od_bytes_clear(&server->namespaces);
    od_verdict_describe(verdict, &server->namespaces);
    note_watched(server, verdict->files);
}

static size_t on_count_sockets(void *owner)
{
    return ((struct od_server *)owner)->keeper.kept.size;
}

static const struct od_reload_events reload_events = {on_first_failed, on_switched, od_server_vote,
                                                      od_server_left_behind, on_count_sockets};

// --- The lives of workers ------------------------------------------------------------------------

static void on_born(void *owner, struct od_child *child)
{
    struct od_server *server = owner;
    od_reload_born(&server->reload, child);
    od_node_process_born(&server->nodes, child);
    od_server_cluster_born(server, child);
}

static void greet(struct od_server *server)
{
    struct od_banner banner = {
        .options = server->options,
        .url = server->status.url,
        .admin_url = server->admin.url,
        .admin_token = server->admin.token,
        .namespaces = od_bytes_slice(&server->namespaces),
        .assets = od_bytes_slice(&server->router.assets),
        .watching = od_bytes_slice(&server->watching),
        .has_entry = server->router.has_entry,
    };
    od_operator_greet(&server->operator, banner);
}

static void report_takeover(struct od_server *server)
{
    char text[256];
    struct od_takeover *takeover = server->takeover;
    size_t given = od_recovery_given(&server->recovery);
    OD_ASSERT(takeover != NULL);
    int size = snprintf(text, sizeof text,
                        "open-do %s has taken over from %.*s: %zu socket%s kept, nobody was "
                        "served for %d ms\n",
                        OD_VERSION, (int)takeover->version.size, takeover->version.at, given,
                        given == 1 ? "" : "s", (int)(od_clock_monotonic_ms() - takeover->since_ms));
    od_log(OD_LOG_INFO, NULL, "%.*s", size - 1, text);
    if (takeover->asker_fd >= 0)
        od_control_answer_at(takeover->asker_fd, true, (od_slice){text, (size_t)size});
    od_takeover_deinit(takeover);
    server->takeover = NULL;
}

static void serve(struct od_server *server)
{
    OD_ASSERT(server->state == OD_SERVER_STARTING);
    const struct od_options *options = server->options;
    char *url = server->status.url;
    od_listeners_url(&server->door.listeners, &options->listen, url, sizeof server->status.url);
    server->state = OD_SERVER_SERVING;
    if (server->takeover != NULL)
        od_takeover_adopt_arrivals(server, server->takeover);
    od_door_open(&server->door);
    od_reload_open(&server->reload);
    od_alarm_clock_start(&server->alarm_clock);
    od_acme_start(&server->acme);
    od_notify(OD_NOTIFY_READY);
    if (options->command == OD_COMMAND_DEV) {
        greet(server);
        return;
    }
    od_log(OD_LOG_INFO, NULL, "listening on %s (namespaces: %.*s; %u worker%s; data in %s; pid %d)",
           url, (int)server->namespaces.size, server->namespaces.at, options->workers,
           options->workers == 1 ? "" : "s", options->data_dir, (int)getpid());
    if (server->admin.is_open)
        od_log(OD_LOG_INFO, NULL, "admin at %s (its token is in %s/%s)", server->admin.url,
               options->data_dir, OD_ADMIN_TOKEN_NAME);
    if (options->has_tls)
        od_log(OD_LOG_INFO, NULL, "TLS on port %u", server->door.listeners.tls_port);
    if (server->takeover != NULL)
        report_takeover(server);
}

// The program before had certificates: those who came to it stay.
static bool goes_on_without_tls(const struct od_server *server)
{
    return server->takeover != NULL && server->tls.has_failed;
}

void od_server_serve_when_ready(struct od_server *server)
{
    bool workers_are = od_supervisor_ready_count(&server->supervisor) == server->options->workers &&
                       !OD_FAULT("ready.hold");
    if (workers_are && server->state == OD_SERVER_STARTING)
        od_server_cluster_serve(server);
    bool all_are_ready =
        workers_are &&
        (!server->options->has_tls || server->tls.is_ready || goes_on_without_tls(server)) &&
        od_server_cluster_is_ready(server);
    if (server->state == OD_SERVER_STARTING && all_are_ready)
        serve(server);
}

static void on_tls_ready(void *owner)
{
    od_server_serve_when_ready(owner);
}

static void on_ready(void *owner, struct od_child *child)
{
    struct od_server *server = owner;
    od_log_book_born(&server->log_book, child);
    od_recovery_give(&server->recovery, child, &server->quarantine);
}

static void report_back(struct od_server *server, const struct od_child *child)
{
    size_t given, closed;
    char text[128];
    od_recovery_count(&server->recovery, child, &given, &closed);
    int size = snprintf(text, sizeof text,
                        "worker %u is back after %d ms, %zu socket%s given back, %zu closed\n",
                        child->index, (int)(od_clock_monotonic_ms() - child->ended_ms), given,
                        given == 1 ? "" : "s", closed);
    od_log(OD_LOG_INFO, NULL, "%.*s", size - 1, text);
    od_restarts_back(&server->restarts, child, (od_slice){text, (size_t)size});
}

void od_server_worker_back(struct od_server *server, struct od_child *child)
{
    od_supervisor_admit(child);
    if (server->state == OD_SERVER_SERVING)
        report_back(server, child);
    else
        od_server_serve_when_ready(server);
}

static void on_tls_failed(void *owner, od_slice why)
{
    struct od_server *server = owner;
    if (server->takeover == NULL && server->state == OD_SERVER_STARTING)
        fprintf(stderr, "open-do: %.*s\n", (int)why.size, why.at);
    else
        od_log(OD_LOG_ERROR, NULL, "nobody is served by TLS: %.*s; it is tried again",
               (int)why.size, why.at);
    if (server->takeover == NULL)
        stop_unless_serving(server);
    else
        od_server_serve_when_ready(server);
}

// After a dry run went well; a mistake in the script does not get here.
static void on_load_failed(void *owner, struct od_child *child, od_slice why)
{
    struct od_server *server = owner;
    if (server->state == OD_SERVER_STARTING)
        fprintf(stderr, "%.*s\n", (int)why.size, why.at);
    else if (server->state == OD_SERVER_SERVING)
        od_log(OD_LOG_ERROR, NULL, "worker %u cannot load the script: %.*s", child->index,
               (int)why.size, why.at);
    stop_unless_serving(server);
}

static void on_calm(void *owner, struct od_child *child)
{
    od_restarts_calm(&((struct od_server *)owner)->restarts, child);
}

static void on_left(void *owner)
{
    od_upgrade_left(((struct od_server *)owner)->upgrade);
}

static const struct od_supervisor_events supervisor_events = {
    on_born,    on_ready, on_load_failed, od_worker_messages_take, od_server_worker_ended,
    on_stopped, on_calm,  on_left};

// --- From the first open to the last close -------------------------------------------------------

static void init(struct od_server *server, const struct od_options *options)
{
    *server = (struct od_server){.options = options};
    od_keeper_init(&server->keeper);
    od_router_init(&server->router, options->workers);
    od_placement_init(&server->placement, options->cluster != NULL);
    server->placement.events = &od_server_placement_events;
    server->placement.owner = server;
    od_metrics_init(&server->metrics, options->workers);
}

static enum od_exit listen_all(struct od_server *server, struct od_error *err)
{
    const struct od_options *options = server->options;
    enum od_exit exit = od_door_listen(&server->door, &options->listen, "--listen", err);
    if (exit == OD_EXIT_CLEAN && options->has_tls)
        exit = od_door_listen_tls(&server->door, &options->tls_listen, "--tls-listen", err);
    return exit;
}

// Listeners are handed over by the program before, if there was one.
static enum od_exit open_all(struct od_server *server, struct od_error *err)
{
    const struct od_options *options = server->options;
    const struct od_takeover *takeover = server->takeover;
    enum od_exit exit = od_node_process_open(&server->nodes, err);
    if (exit == OD_EXIT_CLEAN)
        exit = od_server_open_disk(server, takeover == NULL ? -1 : takeover->lock_fd, err);
    if (exit != OD_EXIT_CLEAN)
        return exit;
    od_operator_listen(&server->operator, options->data_dir,
                       takeover == NULL ? -1 : takeover->control_fd);
    if (takeover == NULL)
        exit = listen_all(server, err);
    if (exit == OD_EXIT_CLEAN)
        exit = od_admin_listener_open(&server->admin, err);
    if (exit != OD_EXIT_CLEAN)
        return exit;
    if (options->has_tls && !server->tls.has_link && !od_tls_process_start(&server->tls, err))
        return OD_EXIT_WRONG;
    return od_supervisor_start(&server->supervisor, err) ? OD_EXIT_CLEAN : OD_EXIT_WRONG;
}

static void check(const struct od_server *server)
{
    OD_ASSERT(server->supervisor.child_count == server->options->workers);
    OD_ASSERT(server->router.worker_count == server->options->workers);
    OD_ASSERT(server->upgrade != NULL);
    OD_ASSERT(server->committer != NULL || server->state != OD_SERVER_SERVING);
    OD_ASSERT(server->takeover == NULL || server->state != OD_SERVER_SERVING);
}

static void turn(struct od_server *server)
{
    check(server);
    OD_ASSERT(server->state < OD_SERVER_OVER);
    bool has_more = od_recovery_step(&server->recovery) || server->alarms_are_due;
    has_more = od_server_cluster_step(server) || has_more;
    od_loop_poll(&server->loop, !has_more);
    od_door_retry(&server->door);
    server->alarms_are_due = od_alarm_clock_step(&server->alarm_clock);
    // Once a turn: watermarks of several commits leave as one message.
    od_node_process_flush(&server->nodes);
    od_supervisor_flush(&server->supervisor);
    od_admin_listener_turn(&server->admin);
    od_upgrade_turn(server->upgrade);
    od_log_settle(false);
}

// Effects may have left a worker only after their writes were on disk, so nothing is owed to
// anybody here; the committer writes what was still on its way.
static void close_all(struct od_server *server)
{
    OD_ASSERT(server->state == OD_SERVER_OVER);
    od_operator_close(&server->operator);
    od_reload_close(&server->reload);
    od_status_deinit(&server->status);
    od_inquiries_deinit(&server->inquiries);
    od_log_book_deinit(&server->log_book);
    od_restarts_deinit(&server->restarts);
    od_upgrade_close(server->upgrade);
    od_operator_hang_up(&server->operator);
    od_admin_listener_close(&server->admin);
    od_alarm_clock_stop(&server->alarm_clock); // It reads what is closed next,
    od_server_close_disk(server);
    od_alarm_clock_deinit(&server->alarm_clock); // and hears of alarms that were stored last.
    od_supervisor_deinit(&server->supervisor);
    od_leases_deinit(&server->leases);
    od_recovery_deinit(&server->recovery);
    od_keeper_deinit(&server->keeper);
    od_acme_close(&server->acme);
    od_placement_file_close(&server->placement_file);
    od_node_process_close(&server->nodes);
    od_tls_process_close(&server->tls); // Last of those that have connections.
    od_door_deinit(&server->door);
    od_router_deinit(&server->router);
    od_metrics_deinit(&server->metrics);
    od_bytes_deinit(&server->cluster.wanted);
    od_bytes_deinit(&server->namespaces);
    od_bytes_deinit(&server->watching);
    od_bytes_deinit(&server->cluster.versions.why);
    od_loop_deinit(&server->loop);
    od_upgrade_free(server->upgrade);
    od_admin_listener_deinit(&server->admin);
}

static void init_all(struct od_server *server)
{
    const struct od_options *options = server->options;
    od_operator_open(&server->operator, & server->loop, &od_server_operator_events, server);
    od_admin_listener_init(&server->admin, &server->loop, options, &server->operator);
    od_history_init(&server->history, &server->loop, options);
    od_door_init(&server->door, &server->loop, options, &od_server_door_events, server);
    od_leases_init(&server->leases, &server->door, options->workers);
    od_tls_process_init(&server->tls, &server->loop, options, on_tls_ready, on_tls_failed, server);
    od_acme_init(&server->acme, &server->loop, options, od_server_certificates, server);
    od_recovery_init(&server->recovery, &server->loop, &server->keeper, &server->alarm_clock.reader,
                     &server->door.connection_limit, options->workers);
    od_supervisor_init(&server->supervisor, &server->loop, options, options->workers,
                       &supervisor_events, server);
    od_node_process_init(&server->nodes, &server->loop, options, &server->placement,
                         &server->supervisor);
    od_placement_file_init(&server->placement_file, &server->loop, &server->placement);
    od_alarm_clock_init(&server->alarm_clock, &server->loop, &server->supervisor,
                        &server->placement, options->workers);
    od_reload_init(&server->reload, &server->loop, options, &server->supervisor, &reload_events,
                   server);
    od_status_init(&server->status, &server->loop, &server->supervisor, &server->alarm_clock,
                   &server->door.connection_limit, options);
    server->status.history = &server->history;
    server->status.placement = &server->placement;
    od_inquiries_init(&server->inquiries, &server->loop, &server->supervisor, &server->router,
                      &server->nodes);
    od_log_book_init(&server->log_book, &server->loop, &server->supervisor);
    od_restarts_init(&server->restarts, &server->supervisor);
    server->upgrade = od_upgrade_new(server);
}

// Signals may have been held back over the exec.
static void begin(struct od_server *server)
{
    sigset_t none;
    if (server->takeover == NULL) {
        od_reload_start(&server->reload); // First of all: its process starts while this one opens
        return;                           // files.
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    od_door_hold(&server->door);
    od_takeover_adopt(server, server->takeover);
}

static enum od_exit run(const struct od_options *options, struct od_takeover *takeover)
{
    OD_ASSERT(options->workers >= 1);
    OD_ASSERT(options->workers <= OD_WORKERS_MAX);
    OD_ASSERT(options->script != NULL);
    OD_ASSERT(options->data_dir != NULL);
    struct od_error err;
    struct od_server *server = od_allocate(sizeof *server);
    init(server, options);
    server->takeover = takeover;
    if (!od_loop_init(&server->loop, &err)) {
        fprintf(stderr, "open-do: %s\n", err.text);
        free(server);
        return OD_EXIT_WRONG;
    }
    // What it is woken for can wait for a moment, in which more of it comes. Where it shares a core
    // with a worker it would interrupt that for each connection.
    od_thread_be_patient();
    init_all(server);
    begin(server);
    enum od_exit exit = open_all(server, &err);
    if (exit != OD_EXIT_CLEAN) {
        fprintf(stderr, "open-do: %s\n", err.text);
        od_server_stop(server, exit);
    }
    while (server->state != OD_SERVER_OVER)
        turn(server);
    exit = server->exit;
    close_all(server);
    od_log_settle(true);
    free(server);
    return exit;
}

enum od_exit od_server_run(const struct od_options *options)
{
    return run(options, NULL);
}

enum od_exit od_server_take_over(const struct od_options *options, int fd)
{
    struct od_takeover takeover;
    struct od_error err;
    enum od_exit exit = OD_EXIT_WRONG;
    if (od_takeover_read(&takeover, fd, &err))
        exit = run(options, &takeover);
    else
        fprintf(stderr, "open-do: %s\n", err.text);
    od_takeover_deinit(&takeover);
    return exit;
}
