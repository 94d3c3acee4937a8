#include "main/cluster_page.h"

#include "base/escape.h"

static unsigned slots_of(const struct od_placement *placement, od_node_id node)
{
    unsigned count = 0;
    for (size_t slot = 0; slot < OD_SLOT_COUNT; slot++)
        count += placement->slots[slot].node == node;
    return count;
}

// This one is, with itself.
static bool is_linked(const struct od_node_process *nodes, const struct od_cluster_node *node)
{
    return node->id == nodes->placement->self.id || od_node_process_is_linked(nodes, node->id);
}

static unsigned filling(const struct od_placement *placement)
{
    unsigned count = 0;
    for (size_t slot = 0; slot < OD_SLOT_COUNT; slot++)
        count += placement->slots[slot].is_filling;
    return count;
}

static void put_text(struct od_bytes *page, od_slice text)
{
    od_bytes_put_u8(page, '"');
    od_escape_put_json(page, text);
    od_bytes_put_u8(page, '"');
}

static void put_node_json(struct od_bytes *page, const struct od_node_process *nodes,
                          const struct od_cluster_node *node)
{
    const struct od_placement *placement = nodes->placement;
    od_bytes_printf(page, "{\"id\":%u,\"life\":%llu,\"name\":", node->id,
                    (unsigned long long)node->incarnation);
    put_text(page, od_slice_of(node->name));
    od_bytes_printf(page, ",\"address\":");
    put_text(page, od_slice_of(node->address));
    od_bytes_printf(page, ",\"slots\":%u,\"leaving\":%s,\"linked\":%s}",
                    slots_of(placement, node->id), node->is_leaving ? "true" : "false",
                    is_linked(nodes, node) ? "true" : "false");
}

static void put_json(struct od_bytes *page, const struct od_node_process *nodes, bool is_away)
{
    const struct od_placement *placement = nodes->placement;
    od_bytes_printf(page, "{\"cluster\":\"%s\",\"self\":%u,\"engine\":\"%s\",\"nodes\":[",
                    placement->cluster_id, placement->self.id, is_away ? "away" : "up");
    for (size_t i = 0; i < placement->node_count; i++) {
        if (i > 0)
            od_bytes_put_u8(page, ',');
        put_node_json(page, nodes, &placement->nodes[i]);
    }
    od_bytes_printf(page, "],\"nowhere\":%u,\"loading\":%u}\n", slots_of(placement, 0),
                    filling(placement));
}

static void put_node(struct od_bytes *page, const struct od_node_process *nodes,
                     const struct od_cluster_node *node)
{
    const struct od_placement *placement = nodes->placement;
    bool is_self = node->id == placement->self.id;
    od_bytes_printf(page, "  node %u, ", node->id);
    od_escape_put_text(page, od_slice_of(node->name));
    od_bytes_printf(page, node->address[0] == '\0' ? "%s" : " at %s", node->address);
    od_bytes_printf(page, ": %u slots%s%s\n", slots_of(placement, node->id),
                    node->is_leaving ? ", leaving" : "",
                    is_self                  ? " (this one)"
                    : is_linked(nodes, node) ? ""
                                             : " (not linked with this one)");
}

void od_cluster_page_put(struct od_bytes *page, const struct od_node_process *nodes, bool is_away,
                         bool as_json)
{
    const struct od_placement *placement = nodes->placement;
    if (as_json) {
        put_json(page, nodes, is_away);
        return;
    }
    od_bytes_printf(page, "cluster %s: %zu node%s; PostgreSQL %s\n", placement->cluster_id,
                    placement->node_count, placement->node_count == 1 ? "" : "s",
                    is_away ? "does not answer" : "answers");
    for (size_t i = 0; i < placement->node_count; i++)
        put_node(page, nodes, &placement->nodes[i]);
    if (filling(placement) > 0)
        od_bytes_printf(page, "  being loaded here: %u slots\n", filling(placement));
    if (slots_of(placement, 0) > 0)
        od_bytes_printf(page, "  on their way: %u slots\n", slots_of(placement, 0));
}
