// What `open-do cluster status` says: the nodes, and who has how many slots, as this node knows it.
//
// Process: main.

#ifndef OD_MAIN_CLUSTER_PAGE_H
#define OD_MAIN_CLUSTER_PAGE_H

#include "base/bytes.h"
#include "cluster/placement.h"

// Text for a person, or JSON. [is_away]: the engine does not answer.
void od_cluster_page_put(struct od_bytes *page, const struct od_placement *placement, bool is_away,
                         bool as_json);

#endif
