// What an operator wants of the server (operator.h), handed to the module it is for.
//
// Process: main; Thread: the loop's.

#include "main/server_inner.h"

#include <unistd.h>

#include "main/cluster_page.h"
#include "main/metrics_answer.h"
#include "main/upgrade.h"

static void on_stop_asked(void *owner)
{
    od_server_stop(owner, OD_EXIT_CLEAN);
}

// The committer's thread may be in the middle of a commit; a commit that is cut never happened.
static void on_kill_asked(void *owner)
{
    od_supervisor_kill(&((struct od_server *)owner)->supervisor);
    _exit(OD_EXIT_KILLED);
}

void od_server_certificates(void *owner)
{
    od_tls_process_reload(&((struct od_server *)owner)->tls);
}

static void on_reload_asked(void *owner, struct od_reload_asker *asker)
{
    od_server_certificates(owner);
    od_acme_hurry(&((struct od_server *)owner)->acme);
    od_reload_ask(&((struct od_server *)owner)->reload, asker);
}

static void on_status_asked(void *owner, struct od_control_question *question, od_slice rest)
{
    od_status_ask(&((struct od_server *)owner)->status, question, rest);
}

static void put_cluster(const struct od_server *server, struct od_bytes *bytes, bool as_json)
{
    const struct od_server_versions *versions = &server->cluster.versions;
    struct od_cluster_page page = {.placement = &server->placement,
                                   .is_away = server->cluster.is_away,
                                   .serves = versions->serves,
                                   .proposed = versions->proposed,
                                   .failed = versions->failed,
                                   .by = versions->by,
                                   .why = od_bytes_slice(&versions->why)};
    if (as_json)
        od_cluster_page_put_json(bytes, &page);
    else
        od_cluster_page_put(bytes, &page);
}

static void on_cluster_asked(void *owner, struct od_control_question *question, od_slice rest)
{
    const struct od_server *server = owner;
    bool as_json = od_slice_equal(rest, OD_SLICE("status json"));
    struct od_bytes page = {0};
    bool ok =
        server->placement.is_cluster && (as_json || od_slice_equal(rest, OD_SLICE("status text")));
    if (ok)
        put_cluster(server, &page, as_json);
    else
        od_bytes_printf(&page, server->placement.is_cluster
                                   ? "say open-do cluster status\n"
                                   : "this program is no node of a cluster\n");
    od_control_answer(question, ok, od_bytes_slice(&page));
    od_bytes_deinit(&page);
}

static void on_metrics_asked(void *owner, struct od_control_question *question)
{
    od_metrics_answer(owner, question);
}

static void on_settle_asked(void *owner, struct od_control_question *question)
{
    od_status_ask_settled(&((struct od_server *)owner)->status, question);
}

static void on_upgrade_asked(void *owner, struct od_control_question *question, od_slice program)
{
    struct od_server *server = owner;
    if (server->cluster.member == NULL)
        od_upgrade_ask(server->upgrade, question, program);
    else if (question != NULL)
        od_control_answer(question, false,
                          OD_SLICE("a node of a cluster is stopped (open-do drain), and started "
                                   "with the next program; the others serve meanwhile\n"));
}

static void on_restart_asked(void *owner, struct od_control_question *question, od_slice number)
{
    struct od_server *server = owner;
    if (server->state != OD_SERVER_SERVING || server->reload.state != OD_RELOAD_IDLE ||
        od_upgrade_is_under_way(server->upgrade))
        od_control_answer(question, false,
                          OD_SLICE("no worker is replaced while the server starts, stops, loads "
                                   "the script or is upgraded\n"));
    else
        od_restarts_ask(&server->restarts, question, number);
}

static void on_call_asked(void *owner, struct od_control_question *question, od_slice call)
{
    od_inquiries_call(&((struct od_server *)owner)->inquiries, question, call);
}

static void on_log_asked(void *owner, struct od_control_question *question, od_slice after)
{
    od_log_book_ask(&((struct od_server *)owner)->log_book, question, after);
}

static void on_inspect_asked(void *owner, struct od_control_question *question, od_slice body)
{
    od_inquiries_inspect(&((struct od_server *)owner)->inquiries, question, body);
}

const struct od_operator_events od_server_operator_events = {
    on_stop_asked,    on_kill_asked,    on_reload_asked,  on_status_asked,
    on_cluster_asked, on_metrics_asked, on_settle_asked,  on_upgrade_asked,
    on_restart_asked, on_call_asked,    on_inspect_asked, on_log_asked};
