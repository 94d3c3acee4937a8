// All objects of one worker, and the table of contents of what happens to them in a turn.
//
// Owner: the worker. What an object needs of the outside (net, store, links, engine) it finds here.

#ifndef OD_OBJECT_OBJECTS_H
#define OD_OBJECT_OBJECTS_H

#include "base/map.h"
#include "base/slab.h"
#include "base/timers.h"
#include "object/keep.h"
#include "object/object.h"
#include "object/outgoing.h"
#include "object/parts/call_mark.h"
#include "object/places.h"
#include "object/script.h"

struct od_early;
struct od_edge_keeper;
struct od_edges;
struct od_inspector;
struct od_leftovers;
struct od_link;
struct od_net;
struct od_removal;
struct od_worker_page;
struct od_store;

struct od_objects {
    struct od_script *script; // The current version; NULL before the first is loaded.
    struct od_list scripts;   // Former versions that still have tasks or instances.
    struct od_net *net;
    struct od_store *store;
    const struct od_inspector *inspector; // Who answers an operator (inspector.h).
    struct od_timers *timers;
    struct od_link *main;          // To the main process,
    struct od_worker_page *page;   // which sees here what runs (link/worker_page.h).
    struct od_link **peers;        // To the other workers; NULL at this one's own place. Behind
                                   // them main, which asks for an operator, and then workers of
                                   // other nodes (places.h).
    uint32_t worker, worker_count; // This worker, and how many there are here.
    struct od_places places;
    struct od_edges *edges; // These three are there for other nodes (nodes/nodes.h).
    struct od_early *early;
    struct od_removal *removal;
    const struct od_edge_keeper *edge_keeper; // Who has the edges (edge_keeper.h).
    size_t waiting_bytes;                     // Of messages that are not handled yet.
    od_time_ms idle_ms;                       // An instance idle for so long is dropped.
    od_time_ms event_limit_ms;     // An event that runs longer costs the worker; 0: none does.
    int64_t event_began_us;        // The one that runs, by od_clock_passed_us.
    int64_t now_us;                // When the last one ended, or the turn began,
    int64_t turn_ends_us;          // and until when events may begin in it.
    uint64_t turn;                 // So many have begun.
    bool handles_at_once;          // What is read now (od_object_receive_read).
    struct od_event *borrowed;     // The one event of these,
    struct od_object *unsettled;   // and whose it was last; NULL: it is settled.
    uint64_t seen_reads;           // Of the net: what was read since is not in now_us.
    const struct od_object *shown; // Whose message the page shows; NULL: something else.
    int64_t arrival_us;            // While bytes become events: when the first of this turn came;
                                   // 0: none has, below 0: events come from objects.
    struct od_list namespaces;
    struct od_object *entry; // Handles requests while the script has an entry fetch.
    struct od_map by_id;
    struct od_map sockets; // By number.
    struct od_slab tasks;
    struct od_slab effects; // That wait in an outbox, the small ones.
    struct od_slab works;   // Of objects that are not at rest (parts/work.h).
    struct od_map timeouts;
    struct od_map calls;
    struct od_slab call_blocks; // What they lie in.
    struct od_map peer_calls;   // Those from other workers, by their number there.
    struct od_map streams;
    struct od_map sinks;
    struct od_call_marks call_marks;
    struct od_list *sent_calls;    // By worker (call_sent.h),
    struct od_list *leaving_calls; // those of them whose messages lie in links,
    size_t kept_call_bytes;        // and what is kept of all of them.
    struct od_list ready;
    struct od_list gated;
    struct od_list idle;
    uint64_t slow_readers; // So many have been closed.
    bool logs_accesses;    // See parts/access_log.h.
    bool shows_errors;     // See error_page.h.
    bool logs_queries;
    bool is_leaving;  // The worker ends, and another takes over.
    bool is_draining; // The worker ends: what waits for a namespace is given up.
    struct od_outgoing_turns outgoing;
    struct od_map pipes;
    bool keeps_history; // Bookmarks can be had (rewind.h),
    uint32_t rewinds;   // and so many objects become what they were.
    uint32_t passwords; // Keys of passwords that are being made (password.h).
    struct od_list awake;
    uint32_t awake_count;
    size_t relieved_bytes;   // What scripts took after a relief that was not enough (pressure.h).
    struct od_list refusals; // Objects that are not to run now (refusal.h).
    struct od_keep keep;     // What main was told of sockets.
    struct {
        bool is_on;
        uint64_t place;             // Up to which the objects were visited (base/map.h).
    } renewal;                      // See versions/renewal.h.
    struct od_leftovers *leftovers; // NULL: nothing is left to look at (versions/leftovers.h).
    struct od_list failed;          // Histories whose objects are gone (history.h),
    struct od_map failed_by_id;
    struct od_list traces; // and objects that somebody watches (trace.h).
    uint32_t trace_count;
    od_slice commit_failure; // While objects are reset because of it: what went wrong.
    uint64_t durable;        // Writes up to this sequence number are on disk.
    uint64_t next_number;    // For sockets and calls.
    struct od_timer idle_timer;
    struct od_timer outdated_timer;
};

void od_objects_init(struct od_objects *objects);
void od_objects_deinit(struct od_objects *objects);

// While a script is loaded: what it has.
struct od_namespace *od_objects_add_namespace(struct od_objects *objects, od_slice name);

// By its name as stored, and by what the current version calls it, or the former; or NULL.
struct od_namespace *od_objects_namespace(struct od_objects *objects, od_slice name);
struct od_namespace *od_objects_namespace_called(struct od_objects *objects, od_slice called);
od_slice od_namespace_called(const struct od_namespace *namespace); // For people.

// Whether the current version has a class for it. Objects of a namespace that has none keep their
// data, their sockets and what these send; all of it waits for a version that has one again.
bool od_objects_serve(const struct od_objects *objects, const struct od_namespace *namespace);

// The worker is about to end: events of objects that no class handles wait no longer, and timers of
// scripts do not run any more.
void od_objects_drain(struct od_objects *objects);

// Another worker takes over: requests that have not begun are its business, and timers of scripts
// do not run any more.
void od_objects_leave(struct od_objects *objects);
od_time_ms od_objects_oldest_task_ms(const struct od_objects *objects); // For how long it runs.
bool od_objects_are_still(const struct od_objects *objects); // Nothing runs or waits for the disk.

// The object of that id, made asleep when this worker does not know it yet.
struct od_object *od_objects_get(struct od_objects *objects, struct od_namespace *namespace,
                                 const od_id *id, bool has_name, od_slice name);

// Puts the identities of all objects of the namespace [space] that have something stored, whichever
// worker they belong to (store/store.h).
void od_objects_list(struct od_objects *objects, od_slice space, struct od_bytes *identities);

struct od_object *od_objects_find(struct od_objects *objects, const od_id *id); // Or NULL.

// The name of the object of that id, when this worker knows it or it is stored. [name] is borrowed
// until the end of the turn.
bool od_objects_name(struct od_objects *objects, const od_id *id, od_slice *name);

// A turn begins. With [may_run] a message that is read is handled at once if nobody waits, until
// the reading ends.
void od_objects_begin_turn(struct od_objects *objects, bool may_run);
void od_objects_end_reading(struct od_objects *objects);

// The turn's middle: handles events, a bounded number and time; true when some are left.
bool od_objects_deliver(struct od_objects *objects);

// When an event comes that is put now. Those of one turn come together: the clock is read once.
int64_t od_objects_arrival_us(struct od_objects *objects);

// When what can be stopped in the event that runs is to be stopped, by od_clock_passed_us: before
// whoever watches over the worker has a reason to end it.
int64_t od_objects_deadline_us(const struct od_objects *objects);

// The disk has come as far as [seq]: effects that waited for it leave.
void od_objects_durable(struct od_objects *objects, uint64_t seq);

// An object with nothing to do: it sleeps when that lasts idle_ms.
void od_objects_watch_idle(struct od_object *object);
// Of one that is idle. With sockets, or with writes on their way, it only loses its instance; the
// object stays for them.
void od_objects_put_to_rest(struct od_object *object);

// An object is constructed from now on; and it has no instance any more (also when it had none).
void od_objects_watch_awake(struct od_object *object);
void od_objects_forget_awake(struct od_object *object);

#endif
