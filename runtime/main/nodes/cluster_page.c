#include "main/nodes/cluster_page.h"

#include "base/escape.h"

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
    od_bytes_printf(page, ",\"slots\":%zu,\"joining\":%s,\"leaving\":%s,\"linked\":%s}",
                    od_placement_count_of(placement, node->id),
                    node->standing == OD_STANDING_JOINING ? "true" : "false",
                    node->standing == OD_STANDING_LEAVING ? "true" : "false",
                    is_linked(nodes, node) ? "true" : "false");
}

// Who is waited for: the nodes that serve, stay, and have not loaded what is proposed.
static bool is_awaited(const struct od_cluster_page *page, const struct od_cluster_node *node)
{
    return page->proposed > 0 && node->standing != OD_STANDING_LEAVING && node->loaded > 0 &&
           node->loaded < page->proposed;
}

static void put_script_json(struct od_bytes *bytes, const struct od_cluster_page *page)
{
    const char *before = "";
    od_bytes_printf(bytes, "{\"serves\":%u,\"proposed\":%u,\"by\":%u,\"awaited\":[", page->serves,
                    page->proposed, page->proposed == 0 ? 0 : page->by);
    const struct od_placement *placement = page->nodes->placement;
    for (size_t i = 0; i < placement->node_count; i++) {
        const struct od_cluster_node *node = &placement->nodes[i];
        if (!is_awaited(page, node))
            continue;
        od_bytes_printf(bytes, "%s%u", before, node->id);
        before = ",";
    }
    od_bytes_printf(bytes, "],\"failed\":%u,\"why\":", page->failed);
    put_text(bytes, page->why);
    od_bytes_put_u8(bytes, '}');
}

void od_cluster_page_put_json(struct od_bytes *bytes, const struct od_cluster_page *page)
{
    const struct od_placement *placement = page->nodes->placement;
    OD_ASSERT(placement->is_cluster);
    od_bytes_printf(bytes, "{\"cluster\":\"%s\",\"self\":%u,\"engine\":\"%s\",\"script\":",
                    placement->cluster_id, placement->self.id, page->is_away ? "away" : "up");
    put_script_json(bytes, page);
    od_bytes_printf(bytes, ",\"nodes\":[");
    for (size_t i = 0; i < placement->node_count; i++) {
        if (i > 0)
            od_bytes_put_u8(bytes, ',');
        put_node_json(bytes, page->nodes, &placement->nodes[i]);
    }
    od_bytes_printf(bytes, "],\"nowhere\":%zu,\"loading\":%u}\n",
                    od_placement_count_of(placement, 0), filling(placement));
}

static const char *const standings[] = {
    [OD_STANDING_UP] = "",
    [OD_STANDING_JOINING] = ", joining",
    [OD_STANDING_LEAVING] = ", leaving",
};

static void put_node(struct od_bytes *page, const struct od_node_process *nodes,
                     const struct od_cluster_node *node)
{
    const struct od_placement *placement = nodes->placement;
    bool is_self = node->id == placement->self.id;
    od_bytes_printf(page, "  node %u, ", node->id);
    od_escape_put_text(page, od_slice_of(node->name));
    od_bytes_printf(page, node->address[0] == '\0' ? "%s" : " at %s", node->address);
    od_bytes_printf(page, ": %zu slots%s%s\n", od_placement_count_of(placement, node->id),
                    standings[node->standing],
                    is_self                  ? " (this one)"
                    : is_linked(nodes, node) ? ""
                                             : " (not linked with this one)");
}

static void put_script(struct od_bytes *bytes, const struct od_cluster_page *page)
{
    const struct od_placement *placement = page->nodes->placement;
    if (page->serves > 0)
        od_bytes_printf(bytes, "  version %u of the script serves\n", page->serves);
    if (page->failed > 0) {
        od_bytes_printf(bytes, "  version %u failed: ", page->failed);
        od_escape_put_text(bytes, page->why);
        od_bytes_put_u8(bytes, '\n');
    }
    if (page->proposed == 0)
        return;
    od_bytes_printf(bytes, "  node %u proposes version %u", page->by, page->proposed);
    for (size_t i = 0; i < placement->node_count; i++) {
        if (is_awaited(page, &placement->nodes[i]))
            od_bytes_printf(bytes, "; node %u has not loaded it yet", placement->nodes[i].id);
    }
    od_bytes_put_u8(bytes, '\n');
}

void od_cluster_page_put(struct od_bytes *bytes, const struct od_cluster_page *page)
{
    const struct od_placement *placement = page->nodes->placement;
    OD_ASSERT(placement->is_cluster);
    od_bytes_printf(bytes, "cluster %s: %zu node%s; PostgreSQL %s\n", placement->cluster_id,
                    placement->node_count, placement->node_count == 1 ? "" : "s",
                    page->is_away ? "does not answer" : "answers");
    for (size_t i = 0; i < placement->node_count; i++)
        put_node(bytes, page->nodes, &placement->nodes[i]);
    if (filling(placement) > 0)
        od_bytes_printf(bytes, "  being loaded here: %u slots\n", filling(placement));
    if (od_placement_count_of(placement, 0) > 0)
        od_bytes_printf(bytes, "  on their way: %zu slots\n", od_placement_count_of(placement, 0));
    put_script(bytes, page);
}
