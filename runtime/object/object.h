// An object: its storage and its sockets, with an inbox in front and an outbox behind.
//
// Everything that reaches it comes through its inbox, one event at a time; everything that leaves
// goes through its outbox; Lua runs in between. The instance is a cache: dropping it (sleep,
// reload, reset) and constructing it at the next event is one mechanism for all of these.
//
//               an event            constructed
//     ASLEEP ────────────► WAKING ─────────────► AWAKE
//      │ ▲ ▲                 │                     │
//      │ │ └─────────────────┘ constructor failed  │
//      │ └─────────────────────────────────────────┘ idle, reset, abort
//      ▼
//     GONE: no sockets, no events, nothing unwritten; the memory is freed.
//
// An instance stays with the version of the script that made it. When there is a newer one, the
// instance is dropped as soon as no handler of it runs, and events wait until then: handlers end on
// the code they began with, and an object never has two instances. Handlers that have not ended
// after OD_OUTDATED_MS_MAX cost their object a reset. Events of an object whose namespace the
// script no longer has wait until it is back; requests are refused.
//
// Owner: struct od_objects.

#ifndef OD_OBJECT_OBJECT_H
#define OD_OBJECT_OBJECT_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/map.h"
#include "link/failure.h"
#include "object/history.h"
#include "object/limits.h"
#include "object/names/id.h"
#include "object/names/namespace.h"
#include "object/parts/auto_response.h"
#include "object/parts/event.h"
#include "object/parts/work.h"
#include "store/identity.h"
#include "store/storage.h"

struct od_objects;
struct od_refusal;
struct od_rewind;
struct od_section;
struct od_task;
struct od_transaction;

enum od_object_state {
    OD_ASLEEP, // No instance. Sockets and storage are there.
    OD_WAKING, // The constructor runs or waits; events wait for its end.
    OD_AWAKE,  // There is an instance; events are handled.
    OD_GONE,   // About to be freed.
};

struct od_object {
    struct od_map_node by_id;
    struct od_identity identity; // Id, namespace and name; the name is the object's own.
    struct od_objects *objects;
    struct od_namespace
        *namespace;       // NULL: the entry, which has neither id nor storage nor sockets.
    struct od_work *work; // What of it is under way; at rest that is nothing (parts/work.h).
    enum od_object_state state;
    uint32_t inbox_count;
    struct od_script *script;  // Of the instance; NULL while there is none.
    uint32_t event_timeout_ms; // 0 when not set.
    uint32_t call_count;       // Calls to it without an answer, in the inbox or handled.
    struct od_list sockets;    // Oldest first.
    uint32_t socket_count;
    uint32_t wish_count; // Of these, to outside.
    uint32_t pipe_count;
    uint32_t timeout_count;
    struct od_map *tags; // NULL: no socket has one (tag.h).
    struct od_storage storage;
    bool is_reset;
    bool is_aborted;
    bool is_ahead;        // It has sent to many sockets, and perhaps not all are reached yet.
    bool is_retired;      // The instance is to go when its tasks have ended.
    bool has_lost_writes; // The reset is not the object's fault: a commit has failed.
    bool drops_alarm; // While it is reset by state:abort: the alarm that runs is not to be retried.
    bool must_wake;   // An instance that had timers made way for new code: construct it at once.
    bool is_inbox_next;        // Resumes alone have used up its share while the inbox waited.
    bool has_name_apart;       // Its name is a copy of what is stored, and not in the label.
    bool is_loaded, is_wanted; // loading.h
    bool may_rewind;           // It may have a wish to be as it was (rewind.h);
    struct od_rewind *rewind;  // that is under way, and events wait; NULL: no.
    struct od_task *running;   // The one that is in Lua now.
    struct od_auto_response *auto_response; // NULL when not set.
    struct od_refusal *refusal;             // NULL: it may run.
    struct od_object_history history;
    // The engine's, untouched by the core:
    void *instance;
    char label[]; // "rooms/lobby", for logs.
};

// Panics unless what is said of [object] above holds between two steps of it.
void od_object_check(const struct od_object *object);

// Its work, for who is about to put something into it: from here on one of its own.
struct od_work *od_object_work(struct od_object *object);

// Gives its work back if it sleeps and nothing of it is under way. For who is the last to look at
// it: what is done in the middle of a step goes on with what it had.
void od_object_rest(struct od_object *object);

// Puts [event] into the inbox; takes it. The object will be delivered to in this turn or the next.
void od_object_receive(struct od_object *object, struct od_event *event);

// The same for what has just been read from a connection. If nobody waits, the object is delivered
// to here and now: what the event takes is still in the cache, and is given back before the next is
// read.
void od_object_receive_read(struct od_object *object, struct od_event *event);

// Makes it; [namespace] NULL makes the entry. Freed by itself once nobody needs it any more.
struct od_object *od_object_new(struct od_objects *objects, struct od_namespace *namespace,
                                const od_id *id, bool has_name, od_slice name);
void od_object_free(struct od_object *object); // At the end of the worker.

// Handles events, as far as the object's share goes, in this turn or, if the object has overrun its
// time, in one of the next.
void od_object_deliver(struct od_object *object);

// A message on a socket that has just been read, borrowed for the call. If its object can begin
// with it now, and nobody waits, it is handled: no event is made, and the bytes are still in the
// cache. False: it has to go through the inbox.
OD_MUST_CHECK bool od_object_handle_at_once(struct od_object *object, struct od_event *event);

// Messages come in crowds: the object is settled when another has one, or all are read.
void od_object_settle_last(struct od_objects *objects);

// Drops the instance of an object that has no task; sockets and storage stay. The next event makes
// a new one.
void od_object_sleep(struct od_object *object);

// Drops the instance as soon as its tasks have ended; events wait until then, and meet a new one.
void od_object_retire(struct od_object *object);

// There is a new version of the script: drops the instance, at once or when its handlers have
// ended, and looks anew at what waits.
void od_object_renew(struct od_object *object);

// Handlers on the code of [script], which has been replaced, have had their time: a reset.
void od_object_end_outdated(struct od_object *object, const struct od_script *script);

// Moves the object to the list of its state: the ready, the idle, or none.
void od_object_settle(struct od_object *object);

// The call [call] has been given up: its event leaves the inbox, or its task ends where it waits.
void od_object_cancel(struct od_object *object, uint64_t call);

// Drops the instance, uncommitted writes and what waits in the outbox; callers get [why] as an
// error. Sockets for which a message was waiting are closed with 1011; the others stay. While a
// task of the object runs, this happens when it returns.
void od_object_reset(struct od_object *object, od_slice why);

// The same for an error of the script: its fields, too, go to the callers.
void od_object_reset_for(struct od_object *object, const struct od_failure *why);

// The same because a commit has failed, which no try of an alarm is used up for.
void od_object_lose_writes(struct od_object *object, od_slice why);

// state:abort: like a reset, and all sockets are cut without a Close frame. Without [retry_alarm]
// an alarm whose handler runs counts as done.
void od_object_abort(struct od_object *object, od_slice why, bool retry_alarm);

// Its constructor has returned, and only what that gave to waitUntil is left: events come in.
void od_object_constructed(struct od_object *object);

const char *od_object_state_name(enum od_object_state state);
bool od_object_is_entry(const struct od_object *object);

od_id od_object_id(const struct od_object *object);

// state.id.name: as given by whoever called it, else as stored. False when none is known.
bool od_object_name(struct od_object *object, od_slice *name);

// Sets or, with [request].at NULL, unsets the answer that is given without waking the object.
void od_object_set_auto_response(struct od_object *object, od_slice request, od_slice response);
void od_object_set_event_timeout(struct od_object *object, uint32_t ms); // 0 unsets it.

#endif
