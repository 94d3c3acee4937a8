// What the main process consists of, for server*.c, worker_messages.c, metrics_answer.c, and what
// hands it over (upgrade.c, takeover*.c) only.
//
// Process: main; Thread: the loop's. Owner: od_server_run, which allocates it and frees it.

#ifndef OD_MAIN_SERVER_INNER_H
#define OD_MAIN_SERVER_INNER_H

#include "cluster/cluster.h"
#include "main/door/door.h"
#include "main/door/router.h"
#include "main/nodes/node_process.h"
#include "main/nodes/placement_file.h"
#include "main/operator/admin_listener.h"
#include "main/operator/inquiry.h"
#include "main/operator/log_book.h"
#include "main/operator/metrics.h"
#include "main/operator/operator.h"
#include "main/operator/restart.h"
#include "main/operator/status.h"
#include "main/processes/acme.h"
#include "main/processes/history.h"
#include "main/processes/tls_process.h"
#include "main/versions/reload.h"
#include "main/workers/alarm_clock.h"
#include "main/workers/keeper.h"
#include "main/workers/lease.h"
#include "main/workers/recovery.h"
#include "main/workers/supervisor.h"
#include "store/committer.h"

struct od_takeover;
struct od_upgrade;

enum od_server_state {
    OD_SERVER_STARTING,
    OD_SERVER_SERVING,
    OD_SERVER_STOPPING,
    OD_SERVER_OVER,
};

struct od_server_versions { // Of the script, in a cluster; main/nodes/cluster_page.h. 0: none.
    uint32_t serves, proposed, failed;
    od_node_id by;       // Which has proposed the last of them.
    struct od_bytes why; // Of the one that failed.
};

struct od_server_cluster {     // See server_cluster.c.
    struct od_cluster *member; // NULL: one machine.
    bool has_looked;
    od_time_ms ready_ms; // All workers are, since then. 0: not yet.
    bool has_risen;      // It has said so: it is not joining any more,
    bool is_up;          // and it has seen that it is not, and claimed what is its.
    bool is_away;
    bool is_handing_over; // The program is to stop, and gives its slots away before it does.
    struct od_timer late;
    size_t taking;  // Slots that were claimed, and that the committer has not yet.
    size_t filling; // Those that are, and were not given away since.
    bool lacks_alarms[OD_SLOT_COUNT]; // Of these: their alarms are to come first;
    size_t lacking;                   // so many.
    size_t ordered;                   // The committer is to fill so many.
    od_slot next_filled;              // With which it goes on.
    struct od_bytes wanted;           // Ids of objects that workers want to be loaded.
    bool is_awaited[OD_SLOT_COUNT];   // Its worker is to let go of it.
    bool is_recalling; // Workers hear of wishes (main/workers/wishes.h) that have come,
    struct od_alarm_place recalled[OD_WORKERS_MAX]; // each up to here.
    od_time_ms run_until_ms, answer_until_ms;
    struct od_server_versions versions;
};

struct od_server {
    const struct od_options *options;
    enum od_server_state state;
    enum od_exit exit;
    struct od_loop loop;
    struct od_operator operator;
    struct od_admin_listener admin;
    struct od_status status;
    struct od_metrics metrics;
    struct od_inquiries inquiries;
    struct od_log_book log_book;
    struct od_restarts restarts;
    struct od_upgrade *upgrade;
    struct od_takeover *takeover; // Until it serves; NULL: it began with nothing.
    struct od_supervisor supervisor;
    struct od_reload reload;
    struct od_keeper keeper;
    struct od_recovery recovery;
    struct od_quarantine quarantine;
    struct od_router router;
    struct od_placement placement;
    struct od_server_cluster cluster;
    struct od_node_process nodes;
    struct od_placement_file placement_file;
    struct od_door door;
    struct od_leases leases;
    struct od_tls_process tls;
    struct od_acme acme;
    struct od_history history;
    struct od_committer *committer;
    struct od_alarm_clock alarm_clock;
    bool alarms_are_due;        // More than could be rung in the last turn.
    struct od_bytes namespaces; // For the first line of the log: "rooms, counters".
    struct od_bytes watching;   // For people at `open-do dev`: "chat.lua, lib/names.lua".
};

// A replaced worker has all that was given back to it, or a new one has begun: it takes work.
void od_server_worker_back(struct od_server *server, struct od_child *child);

// Opens the data directory; [lock_fd] as in od_committer_open.
OD_MUST_CHECK enum od_exit od_server_open_disk(struct od_server *server, int lock_fd,
                                               struct od_error *err);

void od_server_close_disk(struct od_server *server);

// Drains; while starting, ends at once. The first call decides with which [exit].
void od_server_stop(struct od_server *server, enum od_exit exit);

// All are ready that it takes to serve: it does.
void od_server_serve_when_ready(struct od_server *server);

// The cluster (server_cluster.c): joins it, with the lock on the data directory in [lock_fd]; and,
// once the committer is there, takes part.
OD_MUST_CHECK enum od_exit od_server_join(struct od_server *server, int *lock_fd,
                                          struct od_error *err);
OD_MUST_CHECK bool od_server_begin_membership(struct od_server *server, struct od_error *err);
void od_server_cluster_serve(struct od_server *server); // All workers do, so it may be up.
bool od_server_cluster_is_ready(const struct od_server *server);
void od_server_cluster_born(struct od_server *server, struct od_child *child);
void od_server_cluster_ended(struct od_server *server, const struct od_child *child);
void od_server_leave_cluster(struct od_server *server); // Stops: who is away is not awaited long.
void od_server_leave(struct od_server *server);         // It stops in peace; its slots go first.
// Once a turn, at its beginning. True when more can be done at once.
bool od_server_cluster_step(struct od_server *server);
void od_server_placed(void *owner, od_slot slot, bool is_here);
void od_server_loaded(void *owner, const uint8_t id[OD_ID_BYTES]);
void od_server_filled(void *owner, od_slot slot, bool only_alarms, bool is_whole);
// OBJECT_WANTED of a worker.
void od_server_want(struct od_server *server, const uint8_t id[OD_ID_BYTES]);
void od_server_fence(struct od_server *server, const char *why);
// SLOTS_LEFT of a worker. False: it makes no sense.
OD_MUST_CHECK bool od_server_slot_left(struct od_server *server, const struct od_child *child,
                                       od_slot slot);

// Versions of the script in a cluster (server_versions.c).
void od_server_told_version(void *owner, const struct od_cluster_version *version);
void od_server_vote(void *owner, enum od_vote vote, uint32_t version, od_slice text);
void od_server_left_behind(void *owner, od_slice why);

void od_server_certificates(void *owner); // There may be others: the server has them loaded.

// The end of a worker (server_endings.c): as the supervisor's events say.
void od_server_worker_ended(void *owner, struct od_child *child, const struct od_ending *how);

extern const struct od_placement_events od_server_placement_events;
extern const struct od_door_events od_server_door_events;
extern const struct od_operator_events od_server_operator_events; // Owner: the server.

#endif
