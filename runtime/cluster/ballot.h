// The ballot: which version of the script all nodes serve.
//
// A version is a row of od_script, with its files and a state:
//
//    proposed ──all nodes have loaded it──► serves ──the next one does──► removed
//        └─────one cannot, or says nothing──► failed, and why
//
// One is proposed at a time, and numbers are never used again. A node that sees it loads it aside
// and notes its number in its own row (od_node.loaded), or makes it fail. Who sees that all who
// are up have loaded it makes it serve. Both are one statement about a row that is still proposed:
// there is one outcome, whoever dies on the way, and none while the engine is away. A node that
// serves nothing yet (loaded 0) is not waited for: it begins with what serves, and hears of what
// others propose when it has.
//
// Nor is one that leaves (sight.h), and it makes nothing fail: it is gone in a moment. Until its
// slots are with the others it loads what is proposed and takes what serves as they do; if it
// cannot, it ends at once.
//
// It fails, too, when the node that proposed it has ended before all had it, and when one that is
// up has said nothing for OD_CLUSTER_PROPOSAL_MS.
//
// Thread: od_ballot_cast and its init and deinit the loop's, the rest the member's. Owner: embedded
// in the member.

#ifndef OD_CLUSTER_BALLOT_H
#define OD_CLUSTER_BALLOT_H

#include <pthread.h>

#include "base/bytes.h"
#include "cluster/member_events.h"
#include "cluster/postgres.h"

struct od_news;

struct od_ballot_vote {
    bool is_there;
    uint32_t version;
    struct od_bytes text;
};

struct od_ballot {
    const struct od_cluster_node *self;
    void (*tell)(void *member, struct od_news *news);
    void *member;

    pthread_mutex_t mutex; // For what follows, up to the next blank line.
    bool is_cast;
    struct od_ballot_vote cast[OD_VOTE_COUNT];

    struct od_ballot_vote votes[OD_VOTE_COUNT]; // The thread's own, until the engine has them.
    bool has_looked;
    bool has_begun;  // This node has loaded something itself.
    bool has_others; // Nodes that have loaded something, as of the last look.
    uint32_t told;   // Up to this one and its state.
    enum od_version_state told_state;
    uint32_t proposed; // The one that was seen last,
    od_time_ms since_ms;
};

void od_ballot_init(struct od_ballot *ballot, const struct od_cluster_node *self,
                    void (*tell)(void *member, struct od_news *news), void *member);
void od_ballot_deinit(struct od_ballot *ballot);

// One of a kind takes the place of the one before. As od_cluster_vote says.
void od_ballot_cast(struct od_ballot *ballot, enum od_vote vote, uint32_t version, od_slice text);

bool od_ballot_is_cast(struct od_ballot *ballot); // There is one that the engine has not.

// Says what was cast, and looks at what there is. [nodes] live. False: the engine does not answer.
OD_MUST_CHECK bool od_ballot_look(struct od_ballot *ballot, struct od_postgres *postgres,
                                  const struct od_cluster_node *nodes, size_t count);

#endif
