// The cluster: what the server does when nodes and slots come and go, and what it lets workers do
// meanwhile.
//
// Process: main; Thread: the loop's.

#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "cluster/directory.h"
#include "cluster/limits.h"
#include "main/limits.h"
#include "main/server_inner.h"
#include "main/wishes.h"
#include "object/route.h"

// --- Placement -----------------------------------------------------------------------------------

// Workers hear of the slots first, at the end of this turn.
static void begin_recall(struct od_server *server)
{
    server->cluster.is_recalling = true;
    for (uint32_t i = 0; i < OD_WORKERS_MAX; i++)
        server->cluster.recalled[i] = (struct od_alarm_place){.due_ms = OD_ALARM_NONE_MS};
}

static void on_slot_changed(void *owner, od_slot slot, const struct od_placed_slot *before)
{
    struct od_server *server = owner;
    struct od_server_cluster *cluster = &server->cluster;
    bool is_filling = server->placement.slots[slot].is_filling;
    OD_ASSERT(slot < OD_SLOT_COUNT);
    cluster->filling += is_filling;
    cluster->filling -= before->is_filling;
    if (before->is_filling && cluster->filling == 0)
        begin_recall(server);
    od_node_process_slots_changed(&server->nodes);
}

// An operator at another node may have said that this one leaves.
static void on_nodes_changed(void *owner)
{
    struct od_server *server = owner;
    const struct od_placement *placement = &server->placement;
    const struct od_cluster_node *self = od_placement_node(placement, placement->self.id);
    od_node_process_nodes_changed(&server->nodes);
    if (self == NULL || !self->is_leaving || server->cluster.is_handing_over)
        return;
    od_log(OD_LOG_INFO, NULL, "stopping, asked for by an operator at another node");
    od_server_leave(server);
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
    server->cluster.taking += count;
    od_bytes_put(&server->cluster.claimed, slots, count * sizeof *slots);
    if (server->state == OD_SERVER_SERVING)
        od_server_cluster_serve(server);
    else
        od_server_serve_when_ready(server);
}

// Who is asked before his worker serves would have nobody who answers: other nodes see at once what
// is taken.
void od_server_cluster_serve(struct od_server *server)
{
    struct od_bytes *claimed = &server->cluster.claimed;
    if (claimed->size > 0)
        od_committer_order(server->committer, OD_ORDER_TAKE, od_bytes_slice(claimed));
    od_bytes_clear(claimed);
}

void od_server_placed(void *owner, od_slot slot, bool is_here)
{
    struct od_server *server = owner;
    if (!is_here) {
        od_cluster_given(server->cluster.member, slot);
        return;
    }
    OD_ASSERT(server->cluster.taking > 0);
    server->cluster.taking--;
    od_cluster_taken(server->cluster.member, slot);
    od_server_serve_when_ready(server);
}

static uint32_t worker_of(const struct od_server *server, od_slot slot)
{
    return od_worker_of_slot(slot, server->options->workers);
}

// --- What they store -----------------------------------------------------------------------------

void od_server_want(struct od_server *server, const uint8_t id[OD_ID_BYTES])
{
    od_bytes_put(&server->cluster.wanted, id, OD_ID_BYTES);
}

void od_server_loaded(void *owner, const uint8_t id[OD_ID_BYTES])
{
    struct od_server *server = owner;
    struct od_child *child = &server->supervisor.children[worker_of(server, od_slot_of_id(id))];
    if (child->has_link && !child->link.is_gone)
        od_link_send(&child->link, OD_KIND_OBJECT_LOADED, (od_slice){(const char *)id, OD_ID_BYTES},
                     -1);
}

void od_server_filled(void *owner, od_slot slot)
{
    struct od_server *server = owner;
    struct od_server_cluster *cluster = &server->cluster;
    OD_ASSERT(cluster->ordered > 0);
    od_cluster_filled(cluster->member, slot);
    if (--cluster->ordered > 0)
        return;
    bool was_long = od_clock_monotonic_ms() - cluster->ordered_ms > OD_FILL_MS_MAX;
    cluster->at_once = was_long ? cluster->at_once / 2 : cluster->at_once * 2;
}

// The next ones. Writes, and what somebody waits for, come in between, so it is not to take long.
static void fill_next(struct od_server *server)
{
    struct od_server_cluster *cluster = &server->cluster;
    od_slot slots[OD_SLOT_COUNT];
    size_t at_once = cluster->at_once == 0 ? 1 : cluster->at_once;
    cluster->at_once = at_once < OD_SLOT_COUNT ? at_once : OD_SLOT_COUNT;
    for (size_t i = 0; i < OD_SLOT_COUNT && cluster->ordered < cluster->at_once; i++) {
        od_slot slot = cluster->next_filled;
        cluster->next_filled = (od_slot)((slot + 1) % OD_SLOT_COUNT);
        if (server->placement.slots[slot].is_filling)
            slots[cluster->ordered++] = slot;
    }
    cluster->ordered_ms = od_clock_monotonic_ms();
    if (cluster->ordered > 0)
        od_committer_order(server->committer, OD_ORDER_FILL,
                           (od_slice){(const char *)slots, cluster->ordered * sizeof *slots});
}

static void load(struct od_server *server)
{
    struct od_server_cluster *cluster = &server->cluster;
    if (server->committer == NULL)
        return;
    if (cluster->wanted.size > 0)
        od_committer_order(server->committer, OD_ORDER_LOAD, od_bytes_slice(&cluster->wanted));
    od_bytes_clear(&cluster->wanted);
    if (cluster->filling > 0 && cluster->ordered == 0 && !OD_FAULT("fill.hold"))
        fill_next(server);
}

bool od_server_cluster_step(struct od_server *server)
{
    struct od_server_cluster *cluster = &server->cluster;
    bool has_more = false, all_are_ready = true;
    load(server);
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

// --- Slots that go -------------------------------------------------------------------------------

static void give(struct od_server *server, od_slot slot)
{
    const struct od_engine_slot given = {.slot = slot};
    OD_ASSERT(server->cluster.is_awaited[slot]);
    server->cluster.is_awaited[slot] = false;
    od_committer_order(server->committer, OD_ORDER_GIVE,
                       (od_slice){(const char *)&given, sizeof given});
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
    return cluster->member == NULL || (cluster->has_looked && cluster->taking == 0);
}

// --- Leaving -------------------------------------------------------------------------------------

static void on_left(void *owner)
{
    struct od_server *server = owner;
    if (server->cluster.is_handing_over)
        od_server_stop(server, OD_EXIT_CLEAN);
}

static void on_late(struct od_timer *timer)
{
    struct od_server *server = OD_TIMER_MEMBER(timer, struct od_server, cluster.late);
    od_log(OD_LOG_WARN, NULL, "other nodes have not got all slots within %d s; it stops",
           OD_CLUSTER_HAND_OVER_MS_MAX / 1000);
    od_server_stop(server, OD_EXIT_CLEAN);
}

static bool has_heirs(const struct od_placement *placement)
{
    bool has = false;
    for (size_t i = 0; i < placement->node_count; i++) {
        const struct od_cluster_node *node = &placement->nodes[i];
        has = has || (node->id != placement->self.id && !node->is_leaving);
    }
    return has;
}

// Other nodes get what this one has, and then it stops. False: nobody would get anything.
static bool hand_over(struct od_server *server)
{
    struct od_server_cluster *cluster = &server->cluster;
    if (cluster->is_handing_over)
        return true;
    if (cluster->member == NULL || cluster->is_away || server->state != OD_SERVER_SERVING ||
        !has_heirs(&server->placement))
        return false;
    cluster->is_handing_over = true;
    od_log(OD_LOG_INFO, NULL, "this node leaves the cluster: its slots go to the others");
    od_door_shut(&server->door);
    od_cluster_leave(cluster->member);
    cluster->late.fire = on_late;
    od_loop_set_timer(&server->loop, &cluster->late, OD_CLUSTER_HAND_OVER_MS_MAX);
    return true;
}

void od_server_leave(struct od_server *server)
{
    if (!hand_over(server))
        od_server_stop(server, OD_EXIT_CLEAN);
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
    on_alive,  on_away, on_claimed, on_wanted, od_server_told_version,
    on_looked, on_left, on_fenced};

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
