// What an operator wants of the server (main/operator/operator.h), handed to the module it is for.
//
// Process: main; Thread: the loop's.

#include "main/server_inner.h"

#include <stdio.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/log.h"
#include "main/metrics_answer.h"
#include "main/nodes/cluster_page.h"
#include "main/upgrade.h"

static void on_stop_asked(void *owner)
{
    od_server_leave(owner);
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

static void show_cluster(const struct od_server *server, struct od_control_question *question,
                         bool as_json)
{
    const struct od_server_versions *versions = &server->cluster.versions;
    const struct od_cluster_page page = {.nodes = &server->nodes,
                                         .is_away = server->cluster.is_away,
                                         .serves = versions->serves,
                                         .proposed = versions->proposed,
                                         .failed = versions->failed,
                                         .by = versions->by,
                                         .why = od_bytes_slice(&versions->why)};
    struct od_bytes text = {0};
    if (as_json)
        od_cluster_page_put_json(&text, &page);
    else
        od_cluster_page_put(&text, &page);
    od_control_answer(question, true, od_bytes_slice(&text));
    od_bytes_deinit(&text);
}

// By its id or its name. An empty word is a variable that was not set, and means nobody.
static const struct od_cluster_node *find_node(const struct od_placement *placement, od_slice word)
{
    char id[16];
    for (size_t i = 0; i < placement->node_count; i++) {
        const struct od_cluster_node *node = &placement->nodes[i];
        snprintf(id, sizeof id, "%u", node->id);
        if (od_slice_equal(word, od_slice_of(id)) || od_slice_equal(word, od_slice_of(node->name)))
            return node;
    }
    return NULL;
}

// The answer first: this one may be meant.
static void have_leave(struct od_server *server, struct od_control_question *question,
                       const struct od_cluster_node *node)
{
    char asker[OD_CONTROL_ASKER_BYTES], text[128];
    bool is_self = node->id == server->placement.self.id;
    int size =
        snprintf(text, sizeof text, "node %u gives its slots to the others, and stops\n", node->id);
    od_control_asker(question, asker);
    od_log(OD_LOG_INFO, NULL, "node %u leaves, asked for by an operator (%s)", node->id, asker);
    od_control_answer(question, true, (od_slice){text, (size_t)size});
    if (is_self)
        od_server_leave(server);
    else
        od_cluster_send_off(server->cluster.member, node);
}

static void refuse_node(struct od_control_question *question)
{
    od_control_answer(question, false,
                      OD_SLICE("there is no such node; open-do cluster status has those there "
                               "are, with id and name\n"));
}

// For who waits for its end (main/operator/control_client.c): id, life, slots, and whether it is
// the one asked.
static void tell_node(const struct od_server *server, struct od_control_question *question,
                      const struct od_cluster_node *node)
{
    char text[64];
    if (node == NULL) {
        refuse_node(question);
        return;
    }
    int size = snprintf(
        text, sizeof text, "%u %llu %zu %d\n", node->id, (unsigned long long)node->incarnation,
        od_placement_count_of(&server->placement, node->id), node->id == server->placement.self.id);
    od_control_answer(question, true, (od_slice){text, (size_t)size});
}

// Of an object, by the digits of its id; 0: it is on its way.
static void tell_owner(const struct od_server *server, struct od_control_question *question,
                       od_slice digits)
{
    uint8_t id[OD_ID_BYTES];
    char text[16];
    for (size_t i = 0; i < sizeof id; i++) {
        int byte = digits.size == 2 * sizeof id ? od_hex_pair(digits.at + 2 * i) : -1;
        if (byte < 0) {
            od_control_answer(question, false, OD_SLICE("that is no id\n"));
            return;
        }
        id[i] = (uint8_t)byte;
    }
    int size = snprintf(text, sizeof text, "%u", server->placement.slots[od_slot_of_id(id)].node);
    od_control_answer(question, true, (od_slice){text, (size_t)size});
}

static void drain_node(struct od_server *server, struct od_control_question *question,
                       const struct od_cluster_node *node)
{
    bool is_self = node != NULL && node->id == server->placement.self.id;
    if (node == NULL)
        refuse_node(question);
    else if (!is_self && (server->cluster.member == NULL || server->cluster.is_away))
        od_control_answer(question, false,
                          OD_SLICE("PostgreSQL does not answer, by which it would be told\n"));
    else
        have_leave(server, question, node);
}

static void on_cluster_asked(void *owner, struct od_control_question *question, od_slice rest)
{
    struct od_server *server = owner;
    const struct od_placement *placement = &server->placement;
    const struct od_cluster_node *self = od_placement_node(placement, placement->self.id);
    od_slice drain = OD_SLICE("drain "), node = OD_SLICE("node "), owner_of = OD_SLICE("owner ");
    if (!placement->is_cluster)
        od_control_answer(question, false, OD_SLICE("this program is no node of a cluster\n"));
    else if (od_slice_equal(rest, OD_SLICE("status json")))
        show_cluster(server, question, true);
    else if (od_slice_equal(rest, OD_SLICE("status text")))
        show_cluster(server, question, false);
    else if (od_slice_equal(rest, OD_SLICE("drain")))
        drain_node(server, question, self);
    else if (od_slice_starts_with(rest, drain))
        drain_node(server, question, find_node(placement, od_slice_from(rest, drain.size)));
    else if (od_slice_starts_with(rest, owner_of))
        tell_owner(server, question, od_slice_from(rest, owner_of.size));
    else if (od_slice_equal(rest, OD_SLICE("node")))
        tell_node(server, question, self);
    else if (od_slice_starts_with(rest, node))
        tell_node(server, question, find_node(placement, od_slice_from(rest, node.size)));
    else
        od_control_answer(question, false,
                          OD_SLICE("say open-do cluster status, or open-do cluster drain NODE\n"));
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

static void on_list_asked(void *owner, struct od_control_question *question, od_slice body)
{
    od_inquiries_list(&((struct od_server *)owner)->inquiries, question, body);
}

const struct od_operator_events od_server_operator_events = {
    on_stop_asked,    on_kill_asked,    on_reload_asked, on_status_asked,
    on_cluster_asked, on_metrics_asked, on_settle_asked, on_upgrade_asked,
    on_restart_asked, on_call_asked,    on_list_asked,   on_log_asked};
