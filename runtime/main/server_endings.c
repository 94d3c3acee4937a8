// What the end of a worker means to all that had to do with it.
//
// Process: main; Thread: the loop's.

#include <string.h>

#include "base/log.h"
#include "main/server_inner.h"

// All read the same script, so one that fails is the end; but not where clients of the program
// before are kept, and the script was tried.
static bool ends_all(const struct od_server *server, const struct od_child *child)
{
    return server->state == OD_SERVER_STARTING &&
           (server->takeover == NULL || child->has_load_failed);
}

static void report_end(struct od_server *server, struct od_child *child,
                       const struct od_ending *how)
{
    if (child->has_load_failed || how->is_planned || server->state >= OD_SERVER_STOPPING)
        return;
    od_log(OD_LOG_ERROR, NULL,
           ends_all(server, child) ? "worker %u (pid %d) ended before it had loaded the script: %s"
                                   : "worker %u (pid %d) ended: %s%s%s%s%s; another one is started",
           child->index, od_process_last_number(&child->process), how->why,
           how->was_running ? " while " : "", how->was_running ? how->event.label : "",
           how->was_running ? " ran " : "", how->was_running ? how->event.name : "");
}

static bool may_be_alarm(const struct od_worker_page_event *event)
{
    return strcmp(event->name, OD_PAGE_ALARM_NAME) == 0 ||
           strcmp(event->name, OD_PAGE_CONSTRUCTOR_NAME) == 0;
}

// That object is refused, so its neighbours need not be kept from its next crash by a pause as
// well.
static void accuse(struct od_server *server, struct od_child *child, const struct od_ending *how)
{
    OD_ASSERT(server->state < OD_SERVER_STOPPING);
    const struct od_quarantined *quarantined =
        how->was_running
            ? od_quarantine_add(&server->quarantine, child->index, &how->event, how->is_foreign)
            : NULL;
    if (quarantined == NULL)
        return;
    child->restart_ms = 0;
    if (may_be_alarm(&how->event))
        od_alarm_clock_blame(&server->alarm_clock, child->index, how->event.id);
    od_log(OD_LOG_WARN, how->event.label,
           "is refused for %d ms: requests to it fail, messages to it wait",
           (int)quarantined->refused_ms);
    if (od_quarantined_hears_no_close(quarantined))
        od_log(OD_LOG_ERROR, how->event.label,
               "its webSocketClose has cost %u workers: of its WebSockets that were closed it is "
               "not told any more; mend the handler",
               quarantined->closes);
}

static bool ran_a_handler(const struct od_ending *how)
{
    return how->was_running && strcmp(how->event.name, OD_PAGE_LOADING_NAME) != 0;
}

void od_server_worker_ended(void *owner, struct od_child *child, const struct od_ending *how)
{
    struct od_server *server = owner;
    report_end(server, child, how);
    if (server->state < OD_SERVER_STOPPING)
        od_metrics_worker_ended(&server->metrics, child, how);
    od_reload_ended(&server->reload, child, ran_a_handler(how));
    if (ends_all(server, child))
        od_server_stop(server, OD_EXIT_WRONG);
    if (server->state < OD_SERVER_STOPPING)
        accuse(server, child, how);
    od_leases_end(&server->leases, child); // What comes back stays counted.
    od_connection_limit_worker_gone(&server->door.connection_limit, child->index);
    od_recovery_begin(&server->recovery, child);
    od_alarm_clock_worker_gone(&server->alarm_clock, child->index);
    od_inquiries_worker_gone(&server->inquiries, child->index);
    od_node_process_ended(&server->nodes, child);
    od_server_cluster_ended(server, child);
    // Last: it answers when the writes of this life are on disk, and then the place may be empty.
    od_committer_forget(server->committer, child->source);
}
