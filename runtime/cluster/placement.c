#include "cluster/placement.h"

#include <string.h>

#include "base/map.h"

void od_placement_init(struct od_placement *placement, bool is_cluster)
{
    *placement = (struct od_placement){.is_cluster = is_cluster};
    for (size_t slot = 0; slot < OD_SLOT_COUNT && !is_cluster; slot++)
        placement->slots[slot].place = OD_PLACE_HERE;
}

bool od_placement_is_here(const struct od_placement *placement, od_slot slot)
{
    OD_ASSERT(slot < OD_SLOT_COUNT);
    return placement->slots[slot].place == OD_PLACE_HERE;
}

const struct od_cluster_node *od_placement_node(const struct od_placement *placement, od_node_id id)
{
    OD_ASSERT(placement->node_count <= OD_CLUSTER_NODES_MAX);
    for (size_t i = 0; i < placement->node_count; i++) {
        if (placement->nodes[i].id == id)
            return &placement->nodes[i];
    }
    return NULL;
}

void od_placement_put_slot(struct od_placement *placement, od_slot slot,
                           const struct od_placed_slot *placed)
{
    OD_ASSERT(slot < OD_SLOT_COUNT);
    OD_ASSERT(placement->is_cluster);
    OD_ASSERT((placed->place == OD_PLACE_NOWHERE) == (placed->node == 0));
    const struct od_placed_slot before = placement->slots[slot];
    bool is_same = before.place == placed->place && before.node == placed->node &&
                   before.is_filling == placed->is_filling && before.epoch == placed->epoch;
    placement->slots[slot] = *placed;
    if (!is_same && placement->events != NULL)
        placement->events->slot_changed(placement->owner, slot, &before);
}

static bool is_same_node(const struct od_cluster_node *one, const struct od_cluster_node *other)
{
    return one->id == other->id && one->incarnation == other->incarnation &&
           one->standing == other->standing && strcmp(one->address, other->address) == 0 &&
           strcmp(one->name, other->name) == 0;
}

static bool are_same(const struct od_placement *placement, const struct od_cluster_node *nodes,
                     size_t count)
{
    for (size_t i = 0; i < count && count == placement->node_count; i++) {
        if (!is_same_node(&placement->nodes[i], &nodes[i]))
            return false;
    }
    return count == placement->node_count;
}

void od_placement_put_nodes(struct od_placement *placement, const struct od_cluster_node *nodes,
                            size_t count)
{
    OD_ASSERT(placement->is_cluster);
    OD_ASSERT(count <= OD_CLUSTER_NODES_MAX);
    bool is_same = are_same(placement, nodes, count);
    for (size_t i = 0; i < count; i++) {
        OD_ASSERT(i == 0 || nodes[i - 1].id < nodes[i].id);
        placement->nodes[i] = nodes[i];
    }
    placement->node_count = count;
    if (!is_same && placement->events != NULL)
        placement->events->nodes_changed(placement->owner);
}

bool od_placement_has_heirs(const struct od_cluster_node *nodes, size_t count, od_node_id self)
{
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].id != self && nodes[i].standing != OD_STANDING_LEAVING)
            return true;
    }
    return false;
}

od_node_id od_placement_rendezvous(const struct od_cluster_node *nodes, size_t count, od_slot slot)
{
    od_node_id best = 0;
    uint64_t best_hash = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = od_map_hash_u64((uint64_t)nodes[i].id << 16 | slot);
        if (nodes[i].standing == OD_STANDING_UP && (best == 0 || hash > best_hash)) {
            best = nodes[i].id;
            best_hash = hash;
        }
    }
    return best;
}
