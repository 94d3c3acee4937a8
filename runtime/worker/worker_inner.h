// What a worker consists of, for the files of this folder only.
//
// Process: a worker; Thread: the loop's. Owner: od_worker_main, on its stack.

#ifndef OD_WORKER_WORKER_INNER_H
#define OD_WORKER_WORKER_INNER_H

#include "link/link.h"
#include "link/options.h"
#include "net/net.h"
#include "object/nodes/nodes.h"
#include "object/objects.h"
#include "worker/commit_times.h"
#include "worker/log_teller.h"
#include "worker/standing.h"
#include "worker/versions.h"

struct od_parting { // See parting.h.
    bool awaits_calm;
    od_time_ms asked_ms;
    od_time_ms calm_ms; // It is no longer awaited then.
    bool has_begun;
    bool has_said_still;
    bool may_part;
    uint32_t still_turns; // In a row.
    od_time_ms until_ms;
};

struct od_worker {
    const struct od_options *options;
    struct od_loop loop;
    struct od_net net;
    struct od_store *store;
    struct od_objects objects;
    struct od_nodes nodes;
    struct od_versions versions;
    struct od_link main;
    struct od_worker_page *page; // Shared with main.
    struct od_list peers;        // Links to workers, here and in other nodes (peers.h).
    uint32_t link_count; // Open ones, main's among them; the memory of a link outlives its closing.
    bool has_more;       // Inboxes that did not get empty in the last turn.
    bool is_restored;    // All sockets of the life before are here; objects may be woken.
    bool is_draining;
    struct od_parting parting;
    struct od_standing standing; // Of the node.
    bool has_closed_sockets;
    struct od_timer rest_timer;  // The script wants to tidy up then.
    struct od_timer drain_timer; // While it ends: looks again whether all is done.
    struct od_log_teller log_teller;
    struct od_bytes settling; // (u64 question)*: to be answered when there is nothing to do.
    struct od_commit_times commit_times;
    bool is_behind;            // The disk is; no script runs.
    od_time_ms said_behind_ms; // When that was logged.
    bool is_over;
    int exit_code;
};

// From now on what runs may end, sockets are closed, and then the worker says DRAINED.
void od_worker_begin_drain(struct od_worker *worker);
void od_worker_look_again(struct od_worker *worker); // Every now and then from here on.

#endif
