// What a member's thread has to tell the loop's thread (member.h), one thing each.
//
// Owner: whoever holds it; od_news_free.

#ifndef OD_CLUSTER_NEWS_H
#define OD_CLUSTER_NEWS_H

#include "base/list.h"
#include "cluster/limits.h"
#include "cluster/member_events.h"

enum od_news_kind {
    OD_NEWS_ALIVE,
    OD_NEWS_AWAY,
    OD_NEWS_NODES,
    OD_NEWS_SLOT,
    OD_NEWS_CLAIMED,
    OD_NEWS_WANTED,
    OD_NEWS_VERSION,
    OD_NEWS_POLLED,
    OD_NEWS_LEFT,
    OD_NEWS_FENCED,
};

struct od_news {
    struct od_list link;
    enum od_news_kind kind;
    od_time_ms run_ms, lease_ms;    // ALIVE
    od_slot slot;                   // SLOT, WANTED
    od_node_id node;                // SLOT, WANTED
    uint64_t epoch;                 // SLOT
    char why[OD_CLUSTER_WHY_BYTES]; // AWAY, FENCED
    size_t count;                   // NODES, CLAIMED
    void *list;                     // NODES, CLAIMED, VERSION; owned
};

struct od_news *od_news_new(enum od_news_kind kind);
struct od_news *od_news_of_version(const struct od_cluster_version *version); // Copies it.
void od_news_free(struct od_news *news);

// Calls the event that it is.
void od_news_deliver(const struct od_news *news, const struct od_member_events *events,
                     void *owner);

#endif
