// What `open-do cluster status` says: the nodes, who has how many slots, and who is linked, as this
// node knows it.
//
// Process: main.

#ifndef OD_MAIN_CLUSTER_PAGE_H
#define OD_MAIN_CLUSTER_PAGE_H

#include "base/bytes.h"
#include "main/node_process.h"

// Text for a person, or JSON. [is_away]: the engine does not answer.
void od_cluster_page_put(struct od_bytes *page, const struct od_node_process *nodes, bool is_away,
                         bool as_json);

#endif
