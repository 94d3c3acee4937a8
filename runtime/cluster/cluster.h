// The cluster as main sees it: opened at the start, and from then on events and the placement.
//
// The life of a slot on a node:
//
//    NOWHERE ──claimed──► the committer has it ──od_cluster_taken──► HERE, and later filled
//       ▲                                                              │ wanted
//       └── od_cluster_given ◄── nothing is left in workers and committer ◄──┘
//
// Process: main. Thread: the loop's. Owner: the server.

#ifndef OD_CLUSTER_CLUSTER_H
#define OD_CLUSTER_CLUSTER_H

#include <uv.h>

#include "base/clock.h"
#include "base/error.h"
#include "cluster/member_events.h"
#include "cluster/placement.h"
#include "store/engine.h"

struct od_cluster;

struct od_cluster_events {
    // As in member.h.
    void (*alive)(void *owner, od_time_ms run_ms, od_time_ms lease_ms);
    void (*away)(void *owner, const char *why);
    void (*claimed)(void *owner, const struct od_engine_slot *slots, size_t count);
    void (*wanted)(void *owner, od_slot slot); // The placement has it NOWHERE already.
    void (*version)(void *owner, const struct od_cluster_version *version);
    void (*looked)(void *owner);
    void (*left)(void *owner);
    void (*fenced)(void *owner, const char *why);
};

// Connects, checks, and joins; it waits for the engine. [address] is where this node takes links,
// or "". The data directory, whose lock is held, is a node's and empty then (directory.h).
OD_MUST_CHECK bool od_cluster_open(struct od_cluster **cluster, const char *url,
                                   const char *data_dir, const char *address,
                                   struct od_placement *placement, struct od_error *err);

struct od_engine *od_cluster_engine(struct od_cluster *cluster); // For the committer.

// From here on it beats, and is joining (standing.h).
OD_MUST_CHECK bool od_cluster_start(struct od_cluster *cluster, uv_loop_t *loop,
                                    const struct od_cluster_events *events, void *owner,
                                    struct od_error *err);

// This node can serve: it is up, and claims. Told once.
void od_cluster_rise(struct od_cluster *cluster);

// Writes to [slot] count: it is HERE, and filling. Later all it stores can be read from LMDB.
void od_cluster_taken(struct od_cluster *cluster, od_slot slot);
void od_cluster_filled(struct od_cluster *cluster, od_slot slot);

// After [wanted]: nothing of it will be committed, and nothing of it is left in a worker.
void od_cluster_given(struct od_cluster *cluster, od_slot slot);

// What this node says of a version of the script (ballot.h).
void od_cluster_vote(struct od_cluster *cluster, enum od_vote vote, uint32_t version,
                     od_slice text);

// This node is to end: its slots are wanted, some at a time, and then [left] is told.
void od_cluster_leave(struct od_cluster *cluster);

// Another node is to end like that; it sees so in the engine, and so do all.
void od_cluster_send_off(struct od_cluster *cluster, const struct od_cluster_node *node);

// This process ends: the engine is waited for a while and no longer.
void od_cluster_hurry(struct od_cluster *cluster);

// Leaves. After the committer is closed; the loop must run once more. NULL is allowed.
void od_cluster_close(struct od_cluster *cluster);

#endif
