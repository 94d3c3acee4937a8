// Who has which slot, as the engine says, and which of them are this node's.
//
// Each look reads all slots. Main is told of those that have changed hands. Those without a living
// owner that are this node's by rendezvous (the highest hash of node and slot) it claims; those it
// has that are another's by that main is asked to give up, a few at a time.
//
// Thread: the member's. Owner: embedded in the member.

#ifndef OD_CLUSTER_HOLDINGS_H
#define OD_CLUSTER_HOLDINGS_H

#include "cluster/array.h"
#include "cluster/placement.h"
#include "cluster/postgres.h"
#include "cluster/sight.h"

struct od_news;

struct od_holdings {
    const struct od_cluster_node *self;
    void (*tell)(void *member, struct od_news *news);
    void *member;
    size_t owned_count;             // Slots that are this node's, as of the last look.
    bool is_moving;                 // One is not with its heir.
    bool held[OD_SLOT_COUNT];       // They were claimed, and are not let go of;
    bool is_leaving[OD_SLOT_COUNT]; // main is asked to give them up,
    size_t leaving_count;           // so many.
    struct od_placed_slot told[OD_SLOT_COUNT];
    struct od_array free_slots, free_epochs; // While it looks: what may be claimed.
};

// [tell] takes over the news.
void od_holdings_init(struct od_holdings *holdings, const struct od_cluster_node *self,
                      void (*tell)(void *member, struct od_news *news), void *member);

// Reads, tells and claims. [nodes]: all that live.
OD_MUST_CHECK enum od_answer od_holdings_look(struct od_holdings *holdings,
                                              struct od_postgres *postgres,
                                              const struct od_sight *sight,
                                              const struct od_cluster_node *nodes, size_t count);

// The engine knows that it was given up (gift.h); it may be claimed anew.
void od_holdings_let_go(struct od_holdings *holdings, od_slot slot);

#endif
