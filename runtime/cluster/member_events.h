// What a member tells main (member.h), on the loop's thread.

#ifndef OD_CLUSTER_MEMBER_EVENTS_H
#define OD_CLUSTER_MEMBER_EVENTS_H

#include "base/clock.h"
#include "cluster/placement.h"
#include "store/engine.h"

// A version of the script (ballot.h), as the engine has it.
enum od_version_state {
    OD_VERSION_PROPOSED,
    OD_VERSION_SERVES,
    OD_VERSION_FAILED,
};

struct od_cluster_version {
    uint32_t version; // 0: is_first, and none serves; or FAILED: it could not be proposed.
    enum od_version_state state;
    od_node_id node; // Which has proposed it.
    od_slice files;  // Empty: they were told with an earlier state, or it has FAILED.
    od_slice why;    // FAILED.
    bool is_first;   // With this one a node begins,
    bool has_others; // or, when no others serve anything, with its own.
};

// What a node says of it.
enum od_vote {
    OD_VOTE_PROPOSE, // The files are the text, in the place of [version]; empty: not any more.
    OD_VOTE_LOADED,
    OD_VOTE_REFUSE, // Why is the text.
    OD_VOTE_COUNT,
};

struct od_member_events {
    // Beats are taken: handlers may run until [run_ms], answers leave until [lease_ms].
    void (*alive)(void *owner, od_time_ms run_ms, od_time_ms lease_ms);
    void (*away)(void *owner, const char *why); // The engine does not answer. Told once a time.
    void (*nodes)(void *owner, const struct od_cluster_node *nodes, size_t count);
    void (*slot)(void *owner, od_slot slot, od_node_id node, uint64_t epoch); // Of another, or 0.
    void (*claimed)(void *owner, const struct od_engine_slot *slots, size_t count);
    void (*wanted)(void *owner, od_slot slot, od_node_id by); // It is to be given up.
    void (*version)(void *owner, const struct od_cluster_version *version);
    void (*polled)(void *owner); // That was all of one look; the first says what there is.
    void (*left)(void *owner);   // After od_member_leave: it has no slot, or nobody wants one.
    void (*fenced)(void *owner, const char *why); // The others hold this node for dead. The last.
};

#endif
