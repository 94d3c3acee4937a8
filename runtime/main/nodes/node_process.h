// The process that speaks with other nodes (node/), as main sees it: it is kept alive, given the
// connections that come to --cluster-listen, and told who the nodes are.
//
// Main gives each other node a seat (link/seats.h). When one is linked and a worker of it is there,
// main makes a pair of sockets for each of its own workers: one end goes to that worker, which from
// then on calls the other as it calls a neighbour, and one to this process. A worker there that
// ends, or a node that is lost, is told to the workers here as the end of a neighbour is. What they
// need to find an object is told as SLOTS.
//
// Process: main. Owner: embedded; od_node_process_close, then the loop must run once more. Without
// --cluster-listen it does nothing.

#ifndef OD_MAIN_NODES_NODE_PROCESS_H
#define OD_MAIN_NODES_NODE_PROCESS_H

#include "cluster/placement.h"
#include "link/seats.h"
#include "main/door/listener.h"
#include "main/processes/process.h"
#include "main/workers/supervisor.h"

struct od_node_seat {
    od_node_id id; // 0: nobody has it.
    uint64_t life;
    uint32_t workers; // 0: it is not linked.
    uint64_t there;   // Which of these are there, a bit each.
};

struct od_node_process {
    struct od_loop *loop;
    const struct od_options *options;
    const struct od_placement *placement; // Of a cluster or not; only of one workers are told.
    struct od_supervisor *supervisor;
    struct od_process process;
    struct od_link link;
    bool has_link;
    bool is_ready;
    bool was_ready;
    bool has_failed; // It could not begin, and that was logged.
    bool has_joined; // This node knows who it is, and the process was told.
    bool is_closing;
    bool has_news;                 // Workers are to be told SLOTS.
    bool is_told[OD_WORKERS_MAX];  // Those that were, since their life began; and of the last time
    bool told_here[OD_SLOT_COUNT]; // the slots that were here.
    struct od_node_seat seats[OD_SEATS_MAX];
    struct od_listeners listeners;
    uv_poll_t polls[OD_LISTENERS_MAX];
    size_t poll_count;
    struct od_timer restart_timer;
    struct od_timer ask_timer;
    unsigned asked; // For a turn, since it has taken one.
    uv_signal_t child_signal;
};

void od_node_process_init(struct od_node_process *nodes, struct od_loop *loop,
                          const struct od_options *options, const struct od_placement *placement,
                          struct od_supervisor *supervisor);

// Other nodes can connect from here on.
OD_MUST_CHECK enum od_exit od_node_process_open(struct od_node_process *nodes,
                                                struct od_error *err);

// Where that is: "127.0.0.1:8790"; empty: nowhere.
void od_node_process_address(const struct od_node_process *nodes, char *text, size_t size);

// Whether another node is linked; and the place of a worker of it that is there.
bool od_node_process_is_linked(const struct od_node_process *nodes, od_node_id id);
bool od_node_process_find(const struct od_node_process *nodes, od_node_id id, uint32_t worker,
                          uint32_t *place);

// The placement has changed: nodes, or slots.
void od_node_process_nodes_changed(struct od_node_process *nodes);
void od_node_process_slots_changed(struct od_node_process *nodes);

// Whether the worker was told that [slot] is here: it may have something of it.
bool od_node_process_has_told(const struct od_node_process *nodes, const struct od_child *child,
                              od_slot slot);

// The life of a worker has begun, or ended; its page can still be read.
void od_node_process_born(struct od_node_process *nodes, struct od_child *child);
void od_node_process_ended(struct od_node_process *nodes, struct od_child *child);

void od_node_process_flush(struct od_node_process *nodes); // Once a turn, before the supervisor's.
void od_node_process_close(struct od_node_process *nodes);

#endif
