// The cluster: what the server does when nodes and slots come and go, and what it lets workers do
// meanwhile.
//
// Process: main; Thread: the loop's.

#include <string.h>

#include "base/log.h"
#include "cluster/directory.h"
#include "main/server_inner.h"
#include "main/wishes.h"

// --- Placement -----------------------------------------------------------------------------------

static void on_slot_changed(void *owner, od_slot slot, const struct od_placed_slot *before)
{
    struct od_server *server = owner;
    (void)before;
    OD_ASSERT(slot < OD_SLOT_COUNT);
    od_node_process_slots_changed(&server->nodes);
}

static void on_nodes_changed(void *owner)
{
    od_node_process_nodes_changed(&((struct od_server *)owner)->nodes);
}

const struct od_placement_events od_server_placement_events = {on_slot_changed, on_nodes_changed};

// --- The lease -----------------------------------------------------------------------------------

static void note(const struct od_server_cluster *cluster, struct od_child *child)
{
    if (child->page == NULL)
        return;
    __atomic_store_n(&child->page->run_until_ms, cluster->run_until_ms, __ATOMIC_RELEASE);
    __atomic_store_n(&child->page->answer_until_ms, cluster->answer_until_ms, __ATOMIC_RELEASE);
}

// One that stands still for want of a lease looks only when it is woken.
static void on_alive(void *owner, od_time_ms run_ms, od_time_ms lease_ms)
{
    struct od_server *server = owner;
    struct od_server_cluster *cluster = &server->cluster;
    bool was_over = od_clock_monotonic_ms() >= cluster->run_until_ms;
    cluster->run_until_ms = run_ms;
    cluster->answer_until_ms = lease_ms;
    for (uint32_t i = 0; i < server->supervisor.child_count; i++) {
        struct od_child *child = &server->supervisor.children[i];
        note(cluster, child);
        if (was_over && child->has_link && !child->link.is_closing)
            od_link_send(&child->link, OD_KIND_TURN, (od_slice){NULL, 0}, -1);
    }
    if (cluster->is_away)
        od_log(OD_LOG_INFO, NULL, "PostgreSQL answers again");
    cluster->is_away = false;
}

static void on_away(void *owner, const char *why)
{
    struct od_server *server = owner;
    server->cluster.is_away = true;
    od_server_leave_cluster(server);
    od_reload_wait_long(&server->reload);
    od_log(OD_LOG_WARN, NULL,
           "PostgreSQL does not answer: %s; it is tried again, and what needs it waits", why);
}

void od_server_cluster_born(struct od_server *server, struct od_child *child)
{
    if (server->cluster.member != NULL)
        note(&server->cluster, child);
}

void od_server_leave_cluster(struct od_server *server)
{
    const struct od_server_cluster *cluster = &server->cluster;
    if (cluster->member != NULL && cluster->is_away && server->state >= OD_SERVER_STOPPING)
        od_cluster_hurry(cluster->member);
}

// --- Slots ---------------------------------------------------------------------------------------

static void on_claimed(void *owner, const struct od_engine_slot *slots, size_t count)
{
    struct od_server *server = owner;
    if (server->state >= OD_SERVER_STOPPING)
        return;
    server->cluster.loading += count;
    od_committer_place(server->committer, true, slots, count);
}

// Workers hear of the slots first, at the end of this turn.
static void begin_recall(struct od_server *server)
{
    server->cluster.is_recalling = true;
    for (uint32_t i = 0; i < OD_WORKERS_MAX; i++)
        server->cluster.recalled[i] = (struct od_alarm_place){.due_ms = OD_ALARM_NONE_MS};
}

bool od_server_cluster_step(struct od_server *server)
{
    struct od_server_cluster *cluster = &server->cluster;
    bool has_more = false, all_are_ready = true;
    if (!cluster->is_recalling || server->alarm_clock.reader == NULL)
        return false;
    for (uint32_t i = 0; i < server->supervisor.child_count; i++) {
        struct od_child *child = &server->supervisor.children[i];
        bool is_ready = child->state == OD_CHILD_READY && !child->link.is_gone;
        all_are_ready = all_are_ready && is_ready;
        if (is_ready)
            has_more = od_wishes_recall(server->alarm_clock.reader, child, server->options->workers,
                                        &cluster->recalled[i]) ||
                       has_more;
    }
    cluster->is_recalling = has_more || !all_are_ready;
    return has_more;
}

void od_server_placed(void *owner, od_slot slot, bool is_here)
{
    struct od_server *server = owner;
    if (!is_here) {
        od_cluster_given(server->cluster.member, slot);
        return;
    }
    OD_ASSERT(server->cluster.loading > 0);
    server->cluster.loading--;
    od_cluster_taken(server->cluster.member, slot);
    if (server->cluster.loading == 0)
        begin_recall(server);
    od_server_serve_when_ready(server);
}

static void give(struct od_server *server, od_slot slot)
{
    const struct od_engine_slot given = {.slot = slot};
    OD_ASSERT(server->cluster.is_awaited[slot]);
    server->cluster.is_awaited[slot] = false;
    od_committer_place(server->committer, false, &given, 1);
}

static uint32_t worker_of(const struct od_server *server, od_slot slot)
{
    return slot % server->options->workers; // As od_worker_of has it.
}

// Its worker lets go of it, and says SLOTS_LEFT; one that is not there has nothing of it.
static void on_wanted(void *owner, od_slot slot)
{
    struct od_server *server = owner;
    const struct od_child *child = &server->supervisor.children[worker_of(server, slot)];
    OD_ASSERT(!server->cluster.is_awaited[slot]);
    server->cluster.is_awaited[slot] = true;
    if (child->state == OD_CHILD_ABSENT || child->state == OD_CHILD_ENDED)
        give(server, slot);
}

bool od_server_slot_left(struct od_server *server, const struct od_child *child, od_slot slot)
{
    if (server->cluster.member == NULL) // There is no engine to wait for it.
        return slot < OD_SLOT_COUNT;
    if (slot >= OD_SLOT_COUNT || worker_of(server, slot) != child->index)
        return false;
    if (!server->cluster.is_awaited[slot]) // Another node has claimed it unasked.
        return !od_placement_is_here(&server->placement, slot);
    give(server, slot);
    return true;
}

void od_server_cluster_ended(struct od_server *server, const struct od_child *child)
{
    for (od_slot slot = 0; slot < OD_SLOT_COUNT; slot++) {
        if (server->cluster.is_awaited[slot] && worker_of(server, slot) == child->index)
            give(server, slot);
    }
}

static void on_looked(void *owner)
{
    struct od_server *server = owner;
    server->cluster.has_looked = true;
    od_server_serve_when_ready(server);
}

bool od_server_cluster_is_ready(const struct od_server *server)
{
    const struct od_server_cluster *cluster = &server->cluster;
    return cluster->member == NULL || (cluster->has_looked && cluster->loading == 0);
}

// --- The end -------------------------------------------------------------------------------------

// Whatever this node would still say, another one may have said otherwise.
void od_server_fence(struct od_server *server, const char *why)
{
    if (server->exit == OD_EXIT_FENCED)
        return;
    od_log(OD_LOG_ERROR, NULL, "open-do ends, for this node is not of the cluster any more: %s",
           why);
    od_server_stop(server, OD_EXIT_FENCED);
    server->exit = OD_EXIT_FENCED;
    od_supervisor_kill(&server->supervisor);
}

static void on_fenced(void *owner, const char *why)
{
    od_server_fence(owner, why);
}

static const struct od_cluster_events cluster_events = {
    on_alive, on_away, on_claimed, on_wanted, od_server_told_version, on_looked, on_fenced};

// --- Beginning and end ---------------------------------------------------------------------------

static bool join(struct od_server *server, struct od_error *err)
{
    const struct od_options *options = server->options;
    char address[OD_CLUSTER_ADDRESS_BYTES];
    od_node_process_address(&server->nodes, address, sizeof address);
    return od_cluster_open(&server->cluster.member, options->cluster, options->data_dir, address,
                           &server->placement, err);
}

enum od_exit od_server_join(struct od_server *server, int *lock_fd, struct od_error *err)
{
    bool is_held;
    if (!od_cluster_directory_lock(server->options->data_dir, lock_fd, &is_held, err))
        return is_held ? OD_EXIT_IN_USE : OD_EXIT_WRONG;
    if (join(server, err))
        return OD_EXIT_CLEAN;
    od_cluster_directory_unlock(*lock_fd);
    return OD_EXIT_WRONG;
}

bool od_server_begin_membership(struct od_server *server, struct od_error *err)
{
    struct od_server_cluster *cluster = &server->cluster;
    cluster->run_until_ms = cluster->answer_until_ms = 1; // Nothing before the first beat.
    od_reload_join(&server->reload, server->placement.self.id);
    return od_cluster_start(cluster->member, &server->loop.uv, &cluster_events, server, err);
}
