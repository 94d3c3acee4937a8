// The other nodes of the cluster: what the server does when they come and go, and slots with them.
//
// Process: main; Thread: the loop's.

#include "main/server_inner.h"

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
