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
#include "main/workers/wishes.h"
#include "object/names/route.h"

// --- Placement -----------------------------------------------------------------------------------

// Workers hear of the slots first, at the end of this turn.
static void begin_recall(struct od_server *server)
{
    server->cluster.is_recalling = true;
    for (uint32_t i = 0; i < OD_WORKERS_MAX; i++)
        server->cluster.recalled[i] = (struct od_alarm_place){.due_ms = OD_ALARM_NONE_MS};
}

// What rings and recalls comes before all else that slots store.
static void set_lacks_alarms(struct od_server *server, od_slot slot, bool lacks_alarms)
{
    struct od_server_cluster *cluster = &server->cluster;
    OD_ASSERT(cluster->lacks_alarms[slot] != lacks_alarms);
    cluster->lacks_alarms[slot] = lacks_alarms;
    cluster->lacking += lacks_alarms;
    cluster->lacking -= !lacks_alarms;
    if (cluster->lacking == 0)
        begin_recall(server);
}

static void on_slot_changed(void *owner, od_slot slot, const struct od_placed_slot *before)
{
    struct od_server *server = owner;
    struct od_server_cluster *cluster = &server->cluster;
    bool is_filling = server->placement.slots[slot].is_filling;
    OD_ASSERT(slot < OD_SLOT_COUNT);
    cluster->filling += is_filling;
    cluster->filling -= before->is_filling;
    if (is_filling != cluster->lacks_alarms[slot] && is_filling != before->is_filling)
        set_lacks_alarms(server, slot, is_filling);
    od_node_process_slots_changed(&server->nodes);
}

// An operator at another node may have said that this one leaves.
static void on_nodes_changed(void *owner)
{
    struct od_server *server = owner;
    const struct od_placement *placement = &server->placement;
    const struct od_cluster_node *self = od_placement_node(placement, placement->self.id);
    od_node_process_nodes_changed(&server->nodes);
    if (self == NULL || self->standing != OD_STANDING_LEAVING || server->cluster.is_handing_over)
        return;
    od_log(OD_LOG_INFO, NULL, "stopping, asked for by an operator at another node");
    od_server_leave(server);
}

static void on_node_ended(void *owner, const struct od_cluster_node *node)
{
    const struct od_server *server = owner;
    const struct od_cluster_node *now = od_placement_node(&server->placement, node->id);
    bool has_left = node->standing == OD_STANDING_LEAVING;
    if (node->id == server->placement.self.id)
        return;
    od_log(has_left || now != NULL ? OD_LOG_INFO : OD_LOG_WARN, NULL, "node %u, %s, %s", node->id,
           node->name,
           now != NULL ? "has begun anew"
           : has_left  ? "has left the cluster"
                       : "is not of the cluster any more: it stopped at once, or was not heard of");
}

const struct od_placement_events od_server_placement_events = {on_slot_changed, on_nodes_changed,
                                                               on_node_ended};

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
    od_log(OD_LOG_DEBUG, NULL, "%zu slots come to this node", count);
    od_committer_order(server->committer, OD_ORDER_TAKE,
                       (od_slice){(const char *)slots, count * sizeof *slots});
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

// --- Joining -------------------------------------------------------------------------------------

static const struct od_cluster_node *find_unlinked(const struct od_server *server)
{
    const struct od_placement *placement = &server->placement;
    for (size_t i = 0; i < placement->node_count; i++) {
        const struct od_cluster_node *node = &placement->nodes[i];
        bool can_be_linked = node->id != placement->self.id && node->address[0] != '\0' &&
                             server->options->has_cluster_listen;
        if (can_be_linked && !od_node_process_is_linked(&server->nodes, node->id))
            return node;
    }
    return NULL;
}

// Others hand it slots from now on: whoever asks for what is in them is to find workers, and a way
// to them. A node that cannot be reached may be dead, or be so for this one only.
static void rise_when_ready(struct od_server *server)
{
    struct od_server_cluster *cluster = &server->cluster;
    if (cluster->has_risen || cluster->ready_ms == 0 || !cluster->has_looked ||
        server->state >= OD_SERVER_STOPPING)
        return;
    const struct od_cluster_node *unlinked = find_unlinked(server);
    bool is_late = od_clock_monotonic_ms() - cluster->ready_ms > OD_JOIN_LINKS_MS_MAX;
    if (unlinked != NULL && !is_late)
        return;
    if (unlinked != NULL)
        od_log(OD_LOG_WARN, NULL, "node %u at %s is not linked yet; this node takes slots without",
               unlinked->id, unlinked->address);
    cluster->has_risen = true;
    od_cluster_rise(cluster->member);
}

void od_server_cluster_serve(struct od_server *server)
{
    struct od_server_cluster *cluster = &server->cluster;
    OD_ASSERT(server->state == OD_SERVER_STARTING);
    if (cluster->member != NULL && cluster->ready_ms == 0)
        cluster->ready_ms = od_clock_monotonic_ms();
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

void od_server_filled(void *owner, od_slot slot, bool only_alarms, bool is_whole)
{
    struct od_server *server = owner;
    struct od_server_cluster *cluster = &server->cluster;
    OD_ASSERT(cluster->ordered > 0);
    if (!is_whole) { // The others of the order have not begun.
        cluster->ordered = 0;
        cluster->next_filled = slot;
        return;
    }
    cluster->ordered--;
    if (!only_alarms)
        od_cluster_filled(cluster->member, slot);
    else if (cluster->lacks_alarms[slot])
        set_lacks_alarms(server, slot, false);
}

// The next portion. Writes, and what somebody waits for, come in between.
static void fill_next(struct od_server *server)
{
    struct od_server_cluster *cluster = &server->cluster;
    od_slot slots[OD_SLOT_COUNT];
    bool only_alarms = cluster->lacking > 0;
    if (!only_alarms && OD_FAULT("fill.hold"))
        return;
    for (size_t i = 0; i < OD_SLOT_COUNT; i++) {
        od_slot slot = (od_slot)((cluster->next_filled + i) % OD_SLOT_COUNT);
        bool lacks =
            only_alarms ? cluster->lacks_alarms[slot] : server->placement.slots[slot].is_filling;
        if (lacks)
            slots[cluster->ordered++] = slot;
    }
    OD_ASSERT(cluster->ordered > 0);
    od_committer_order(server->committer, only_alarms ? OD_ORDER_FILL_ALARMS : OD_ORDER_FILL,
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
    if (cluster->filling > 0 && cluster->ordered == 0)
        fill_next(server);
}

bool od_server_cluster_step(struct od_server *server)
{
    struct od_server_cluster *cluster = &server->cluster;
    bool has_more = false, all_are_ready = true;
    rise_when_ready(server);
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

// Its worker lets go of it, and says SLOTS_LEFT; one that is not there has nothing of it, nor one
// that has not heard that it came.
static void on_wanted(void *owner, od_slot slot)
{
    struct od_server *server = owner;
    const struct od_child *child = &server->supervisor.children[worker_of(server, slot)];
    OD_ASSERT(!server->cluster.is_awaited[slot]);
    server->cluster.is_awaited[slot] = true;
    if (child->state == OD_CHILD_ABSENT || child->state == OD_CHILD_ENDED ||
        !od_node_process_has_told(&server->nodes, child, slot))
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
    const struct od_placement *placement = &server->placement;
    const struct od_cluster_node *self = od_placement_node(placement, placement->self.id);
    server->cluster.has_looked = true;
    server->cluster.is_up = self != NULL && self->standing == OD_STANDING_UP;
    od_server_serve_when_ready(server);
}

bool od_server_cluster_is_ready(const struct od_server *server)
{
    const struct od_server_cluster *cluster = &server->cluster;
    return cluster->member == NULL || (cluster->is_up && cluster->taking == 0);
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

// Other nodes get what this one has, and then it stops. False: nobody would get anything.
static bool hand_over(struct od_server *server)
{
    struct od_server_cluster *cluster = &server->cluster;
    const struct od_placement *placement = &server->placement;
    if (cluster->is_handing_over)
        return true;
    if (cluster->member == NULL || cluster->is_away || server->state != OD_SERVER_SERVING ||
        !od_placement_has_heirs(placement->nodes, placement->node_count, placement->self.id))
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
