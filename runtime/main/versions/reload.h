// Reload: new code for running objects, all or nothing.
//
//            asked           judged           well          all workers have loaded it
//     IDLE ────────► TRYING ────────► JUDGED ───────► LOADING ───────► SWITCHING ───────► IDLE
//      ▲               ▲                │ │              │ one has not:     SWITCH to all
//   STARTING (held)    └── asked again ─┘ └─ not well    └─► DISCARD to all, IDLE
//   the first trial                          ───► IDLE
//
// From each of them to STOPPED, when the program ends.
//
// A dry run reads the files from the disk and loads them (main/processes/dry_run.h). Their bytes go
// to all workers, which load them aside while they serve. Only when every one of them has done so
// are all told to switch; otherwise the version that is served goes on, and nothing else has
// happened.
//
// In a cluster the others have to agree: what the dry run found good is proposed to them, gets its
// number (PROPOSING), is loaded by all nodes at once, and is switched to when all have loaded it
// (AGREEING). What others propose goes the same way, from a dry run of its files on; what was
// wanted here comes after it.
//
// Whoever asks while a reload loads gets another one after it, with what is on the disk then.
//
// A save is tried as soon as it is noticed, but until the files have been quiet for a moment the
// verdict waits (JUDGED): an editor may be in the middle of them. If there was more, it is void.
//
// The bytes of the served version are kept: a worker that is replaced gets these, also while the
// script on the disk is broken.
//
// Process: main. Owner: embedded; od_reload_close, then the loop must run once more.

#ifndef OD_MAIN_VERSIONS_RELOAD_H
#define OD_MAIN_VERSIONS_RELOAD_H

#include "base/bytes.h"
#include "base/list.h"
#include "cluster/member_events.h"
#include "main/processes/dry_run.h"
#include "main/versions/watch.h"
#include "main/workers/supervisor.h"

enum od_reload_state {
    OD_RELOAD_STARTING, // The first trial, and until all workers serve what came of it; or held.
    OD_RELOAD_IDLE,
    OD_RELOAD_TRYING,
    OD_RELOAD_JUDGED,    // The verdict is in [next], and the files are not quiet yet.
    OD_RELOAD_PROPOSING, // To the other nodes of a cluster, which have said nothing yet.
    OD_RELOAD_LOADING,
    OD_RELOAD_AGREEING,  // Said to them whether it can be served here; all of them decide.
    OD_RELOAD_SWITCHING, // Decided; when the last worker has said so, every event meets the new
                         // code.
    OD_RELOAD_STOPPED,
};

// What is asked for. What is more comes later here, and takes its place.
enum od_reload_request {
    OD_REQUEST_NONE,
    OD_REQUEST_CHANGES, // The files may have changed: load them if they have.
    OD_REQUEST_LOAD,    // A person asked: load them even if they are the same.
};

struct od_reload_events {
    // The first trial. [why] is for people. [waits]: it is tried again when a file changes, as
    // `open-do dev` does.
    void (*first_failed)(void *owner, od_slice why, bool waits);
    // This version is served from now on; version 1: as soon as workers have loaded it.
    void (*switched)(void *owner, const struct od_verdict *verdict);
    // To the other nodes of a cluster. [text] as in cluster/member_events.h.
    void (*vote)(void *owner, enum od_vote vote, uint32_t version, od_slice text);
    // The others serve what this node cannot, or have refused what it began with.
    void (*left_behind)(void *owner, od_slice why);
    // For the line in the log.
    size_t (*count_sockets)(void *owner);
};

// Who asked, and wants to know what came of it. Owner: the one who asks; stays until [done].
struct od_reload_asker {
    struct od_list link;
    void (*done)(struct od_reload_asker *asker, bool ok, od_slice text);
};

struct od_reload_others { // The other nodes of a cluster (reload_agree.c).
    bool is_there;        // This program is a node; the rest is of one.
    od_node_id self;
    bool is_told, has_verdict; // STARTING: what they serve is known, and how the script here is;
    bool have_loaded;          // there are some that serve;
    bool is_proposing;         // the script here is proposed,
    uint32_t following;        // or this version of theirs is tried instead.
    bool is_tried;             // TRYING: what is offered,
    uint32_t version;          // the number of that, not taken or refused yet; 0: nothing is.
    enum od_version_state state;
    uint32_t serves; // The last one that they were known to serve.
    od_node_id node; // Which has proposed it.
    struct od_bytes files;
};

struct od_reload {
    struct od_loop *loop;
    const struct od_options *options;
    struct od_supervisor *supervisor;
    const struct od_reload_events *events;
    void *owner;
    enum od_reload_state state;
    uint32_t version;         // The one that is served; 0: none yet.
    uint32_t next_version;    // From LOADING on.
    struct od_bytes served;   // The verdict on it, from `ok` on,
    struct od_bytes files;    // and its files.
    struct od_bytes required; // Further ones that its running code has asked for.
    struct od_bytes given;    // To the dry run, in the place of those on the disk.
    struct od_bytes next;     // From JUDGED on: the verdict on the next version, from `ok` on.
    bool *is_loading;         // By index of the worker, whether it has yet to answer.
    struct od_bytes failure;  // Why the last one, or this one in LOADING, cannot be served; empty:
                              // it can. So the way back is told too.
    enum od_reload_request request;      // Of those this reload is for,
    enum od_reload_request next_request; // and of those who have asked since.
    uint32_t retries;                    // So often a worker may end meanwhile.
    uint32_t failures;                   // So many could not be served.
    bool waits_for_first; // The first trial has failed, and a change of the files is the next.
    od_time_ms since_ms;
    struct od_timer timer;
    struct od_list askers;
    struct od_reload_others others;
    struct od_dry_run dry_run;
    struct od_watch watch;
};

void od_reload_init(struct od_reload *reload, struct od_loop *loop,
                    const struct od_options *options, struct od_supervisor *supervisor,
                    const struct od_reload_events *events, void *owner);
void od_reload_close(struct od_reload *reload);

void od_reload_start(struct od_reload *reload); // The first trial.
// In its place: [verdict] is on the version that the program before has served.
void od_reload_serve(struct od_reload *reload, uint32_t version, const struct od_verdict *verdict);
void od_reload_open(struct od_reload *reload); // All workers are ready: reloads may come.
void od_reload_hold(struct od_reload *reload); // Until it is opened again, none may.
void od_reload_stop(struct od_reload *reload); // The program ends: no more of them.

// Loads the script anew, as a person asks; since the files may have changed, or not.
// [asker] may be NULL. Ignored, with a line in the log, after od_reload_stop.
void od_reload_ask(struct od_reload *reload, struct od_reload_asker *asker);

// This program is the node [self] of a cluster: before the first trial is over. From then on it is
// told of versions.
void od_reload_join(struct od_reload *reload, od_node_id self);
void od_reload_told(struct od_reload *reload, const struct od_cluster_version *version);
void od_reload_wait_long(struct od_reload *reload); // The engine is away: who asked is told.

// The lives of workers, and what they say.
void od_reload_born(struct od_reload *reload, struct od_child *child);
// [was_running]: the old code ran, so it had not come to loading. That is nothing against the new
// one, which may be the cure, and which the next life loads anyway.
void od_reload_ended(struct od_reload *reload, struct od_child *child, bool was_running);
OD_MUST_CHECK bool od_reload_loaded(struct od_reload *reload, struct od_child *child,
                                    struct od_cursor *body);
void od_reload_switched(struct od_reload *reload, struct od_child *child);
void od_reload_looked_at(struct od_reload *reload, od_slice files);

#endif
