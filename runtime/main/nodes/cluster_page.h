// What `open-do cluster status` says: the nodes, who has how many slots, who is linked, and which
// version of the script serves, as this node knows it.
//
// Process: main.

#ifndef OD_MAIN_NODES_CLUSTER_PAGE_H
#define OD_MAIN_NODES_CLUSTER_PAGE_H

#include "base/bytes.h"
#include "main/nodes/node_process.h"

struct od_cluster_page {
    const struct od_node_process *nodes;
    bool is_away;                      // The engine does not answer.
    uint32_t serves, proposed, failed; // Versions of the script; 0: none.
    od_node_id by;                     // Which has proposed [proposed].
    od_slice why;                      // What is wrong with [failed], the last since [serves].
};

void od_cluster_page_put(struct od_bytes *bytes, const struct od_cluster_page *page);
void od_cluster_page_put_json(struct od_bytes *bytes, const struct od_cluster_page *page);

#endif
