#include "cluster/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cluster/directory.h"
#include "cluster/engine.h"
#include "cluster/libpq.h"
#include "cluster/member.h"
#include "cluster/schema.h"
#include "cluster/standing.h"

struct od_cluster {
    char *url;
    int stop_fd; // A timer: it has passed when nobody waits for the engine any more.
    struct od_placement *placement;
    struct od_cluster_engine engine;
    struct od_member *member; // NULL: it has not started.
    const struct od_cluster_events *events;
    void *owner;
    uint64_t epochs[OD_SLOT_COUNT];  // Of those that were claimed; 0: none was.
    od_node_id heirs[OD_SLOT_COUNT]; // Of those that are wanted.
};

// --- News of the member --------------------------------------------------------------------------

static void on_alive(void *owner, od_time_ms run_ms, od_time_ms lease_ms)
{
    const struct od_cluster *cluster = owner;
    cluster->events->alive(cluster->owner, run_ms, lease_ms);
}

static void on_away(void *owner, const char *why)
{
    const struct od_cluster *cluster = owner;
    cluster->events->away(cluster->owner, why);
}

static void on_nodes(void *owner, const struct od_cluster_node *nodes, size_t count)
{
    const struct od_cluster *cluster = owner;
    od_placement_put_nodes(cluster->placement, nodes, count);
}

static void on_slot(void *owner, od_slot slot, od_node_id node, uint64_t epoch)
{
    const struct od_cluster *cluster = owner;
    struct od_placed_slot placed = {
        .place = node == 0 ? OD_PLACE_NOWHERE : OD_PLACE_THERE, .node = node, .epoch = epoch};
    od_placement_put_slot(cluster->placement, slot, &placed);
}

static void put_nowhere(const struct od_cluster *cluster, od_slot slot)
{
    struct od_placed_slot placed = {.epoch = cluster->epochs[slot]};
    od_placement_put_slot(cluster->placement, slot, &placed);
}

static void on_claimed(void *owner, const struct od_engine_slot *slots, size_t count)
{
    struct od_cluster *cluster = owner;
    for (size_t i = 0; i < count; i++) {
        cluster->epochs[slots[i].slot] = slots[i].epoch;
        put_nowhere(cluster, slots[i].slot);
    }
    if (count > 0)
        cluster->events->claimed(cluster->owner, slots, count);
}

// One that the committer does not have yet is given up when it is HERE.
static void on_wanted(void *owner, od_slot slot, od_node_id by)
{
    struct od_cluster *cluster = owner;
    cluster->heirs[slot] = by;
    if (!od_placement_is_here(cluster->placement, slot))
        return;
    put_nowhere(cluster, slot);
    cluster->events->wanted(cluster->owner, slot);
}

static void on_version(void *owner, const struct od_cluster_version *version)
{
    const struct od_cluster *cluster = owner;
    cluster->events->version(cluster->owner, version);
}

static void on_polled(void *owner)
{
    const struct od_cluster *cluster = owner;
    cluster->events->looked(cluster->owner);
}

static void on_left(void *owner)
{
    const struct od_cluster *cluster = owner;
    cluster->events->left(cluster->owner);
}

static void on_fenced(void *owner, const char *why)
{
    const struct od_cluster *cluster = owner;
    cluster->events->fenced(cluster->owner, why);
}

static const struct od_member_events member_events = {on_alive,   on_away,   on_nodes,   on_slot,
                                                      on_claimed, on_wanted, on_version, on_polled,
                                                      on_left,    on_fenced};

void od_cluster_taken(struct od_cluster *cluster, od_slot slot)
{
    OD_ASSERT(cluster->epochs[slot] != 0);
    struct od_placed_slot placed = {.place = OD_PLACE_HERE,
                                    .is_filling = true,
                                    .node = cluster->placement->self.id,
                                    .epoch = cluster->epochs[slot]};
    od_placement_put_slot(cluster->placement, slot, &placed);
    if (cluster->heirs[slot] == 0)
        return;
    put_nowhere(cluster, slot);
    cluster->events->wanted(cluster->owner, slot);
}

void od_cluster_filled(struct od_cluster *cluster, od_slot slot)
{
    struct od_placed_slot placed = cluster->placement->slots[slot];
    OD_ASSERT(slot < OD_SLOT_COUNT);
    if (placed.place != OD_PLACE_HERE) // It has gone meanwhile.
        return;
    placed.is_filling = false;
    od_placement_put_slot(cluster->placement, slot, &placed);
}

void od_cluster_given(struct od_cluster *cluster, od_slot slot)
{
    OD_ASSERT(cluster->member != NULL);
    OD_ASSERT(!od_placement_is_here(cluster->placement, slot));
    od_member_give(cluster->member, slot, cluster->heirs[slot]);
    cluster->heirs[slot] = 0;
    cluster->epochs[slot] = 0;
}

void od_cluster_vote(struct od_cluster *cluster, enum od_vote vote, uint32_t version, od_slice text)
{
    OD_ASSERT(cluster->member != NULL);
    od_member_vote(cluster->member, vote, version, text);
}

// --- From first to last --------------------------------------------------------------------------

static bool join(struct od_cluster *cluster, const char *data_dir, const char *address,
                 struct od_error *err)
{
    struct od_placement *placement = cluster->placement;
    struct od_cluster_node *self = &placement->self;
    struct od_postgres *postgres = &cluster->engine.postgres;
    snprintf(self->address, sizeof self->address, "%s", address);
    if (!od_schema_open(postgres, placement->cluster_id, err) ||
        !od_cluster_directory_open(data_dir, placement->cluster_id, self->name, err) ||
        !od_cluster_directory_empty(data_dir, err) || !od_standing_join(postgres, self, err))
        return false;
    cluster->engine.node = self->id;
    cluster->engine.incarnation = self->incarnation;
    return true;
}

bool od_cluster_open(struct od_cluster **result, const char *url, const char *data_dir,
                     const char *address, struct od_placement *placement, struct od_error *err)
{
    *result = NULL;
    int stop_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (stop_fd < 0)
        return od_error_errno(err, "cannot make a timer for the cluster");
    struct od_cluster *cluster = od_allocate_zeroed(sizeof *cluster);
    cluster->url = od_text_copy(od_slice_of(url));
    cluster->stop_fd = stop_fd;
    cluster->placement = placement;
    od_cluster_engine_init(&cluster->engine, cluster->url, stop_fd);
    if (od_libpq_load(err) && join(cluster, data_dir, address, err)) {
        *result = cluster;
        return true;
    }
    od_cluster_close(cluster);
    return false;
}

struct od_engine *od_cluster_engine(struct od_cluster *cluster)
{
    return &cluster->engine.engine;
}

bool od_cluster_start(struct od_cluster *cluster, uv_loop_t *loop,
                      const struct od_cluster_events *events, void *owner, struct od_error *err)
{
    cluster->events = events;
    cluster->owner = owner;
    return od_member_start(&cluster->member, loop, cluster->url, &cluster->placement->self,
                           cluster->stop_fd, &member_events, cluster, err);
}

void od_cluster_rise(struct od_cluster *cluster)
{
    OD_ASSERT(cluster->member != NULL);
    od_member_rise(cluster->member);
}

void od_cluster_leave(struct od_cluster *cluster)
{
    OD_ASSERT(cluster->member != NULL);
    od_member_leave(cluster->member);
}

void od_cluster_send_off(struct od_cluster *cluster, const struct od_cluster_node *node)
{
    OD_ASSERT(cluster->member != NULL);
    od_member_send_off(cluster->member, node);
}

void od_cluster_hurry(struct od_cluster *cluster)
{
    struct itimerspec when = {.it_value = {.tv_sec = OD_CLUSTER_LEAVE_MS / 1000,
                                           .tv_nsec = OD_CLUSTER_LEAVE_MS % 1000 * 1000000 + 1}};
    timerfd_settime(cluster->stop_fd, 0, &when, NULL);
}

void od_cluster_close(struct od_cluster *cluster)
{
    if (cluster == NULL)
        return;
    od_member_stop(cluster->member);
    od_cluster_engine_deinit(&cluster->engine);
    close(cluster->stop_fd);
    free(cluster->url);
    free(cluster);
}
