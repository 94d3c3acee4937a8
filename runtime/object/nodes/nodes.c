#include "object/nodes/nodes.h"

void od_nodes_init(struct od_nodes *nodes, struct od_objects *objects)
{
    od_edges_init(&nodes->edges, objects);
    od_early_init(&nodes->early, objects);
    od_removal_init(&nodes->removal, objects);
}

void od_nodes_deinit(struct od_objects *objects)
{
    od_removal_deinit(objects);
    od_early_deinit(objects);
    od_edges_deinit(objects);
}
