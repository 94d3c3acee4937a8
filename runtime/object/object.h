// An object: its storage and its sockets, with an inbox in front and an outbox behind.
//
// Everything that reaches it comes through its inbox, one event at a time; everything that leaves goes
// through its outbox; Lua runs in between. The instance is a cache: dropping it (sleep, reload, reset)
// and constructing it at the next event is one mechanism for all of these.
//
//              receive                    constructed
//     ASLEEP ───────────► WAKING ────────────────────────► AWAKE
//       ▲  ▲                │ constructor failed             │ reset, reload, idle
//       │  └────────────────┘                                ▼
//       └──────────────────────────────────────────────── DRAINING
//                         all tasks have ended
//     ASLEEP ──► GONE: no sockets, no events, storage applied: the memory is freed.
//
// Owner: struct od_objects.

#ifndef OD_OBJECT_OBJECT_H
#define OD_OBJECT_OBJECT_H

#include "object/event.h"
#include "object/id.h"
#include "object/limits.h"
#include "object/namespace.h"
#include "store/storage.h"

struct od_objects;

enum od_object_state {
    OD_ASLEEP,   // No instance. Sockets and storage are there.
    OD_WAKING,   // The constructor runs or waits; events wait for its end.
    OD_AWAKE,    // There is an instance; events are handled.
    OD_DRAINING, // The instance goes as soon as its tasks have ended; events wait.
    OD_GONE,     // About to be freed.
};

struct od_auto_response {
    struct od_bytes request;
    struct od_bytes response;
};

struct od_object {
    struct od_map_node by_id;
    od_id id;
    struct od_objects *objects;
    struct od_namespace *namespace; // NULL: the entry, which has neither id nor storage nor sockets.
    char *label;                    // "rooms/lobby", for logs.
    char *name;                     // Known when somebody named it; else NULL.
    uint32_t name_size;
    enum od_object_state state;
    struct od_list inbox; // Events.
    uint32_t inbox_count;
    uint32_t task_count;
    struct od_list outbox; // Effects; empty most of the time, as nothing waits for the disk.
    struct od_list tasks;
    struct od_list sockets; // Oldest first.
    uint32_t socket_count;
    struct od_map tags;
    struct od_storage storage;
    struct od_list ready; // Among those with events to handle.
    struct od_list gated; // Among those whose outbox waits, or whose tasks wait for the disk.
    struct od_list idle;  // Among those with an instance and nothing to do, longest idle first.
    struct od_list syncing; // Tasks that wait for the disk.
    od_time_ms idle_since_ms;
    struct od_auto_response *auto_response; // NULL when not set.
    uint32_t event_timeout_ms;              // 0 when not set.
    // The engine's, untouched by the core:
    int instance_ref;
    void *instance;
};

// Puts [event] into the inbox; takes it. The object will be delivered to in this turn or the next.
void od_object_receive(struct od_object *object, struct od_event *event);

// Drops the instance, uncommitted writes and what waits in the outbox; callers get [why] as an error.
// Sockets for which a message was waiting are closed with 1011; the others stay.
void od_object_reset(struct od_object *object, od_slice why);

// state:abort: like a reset, and all sockets are cut without a Close frame.
void od_object_abort(struct od_object *object, od_slice why);

bool od_object_is_entry(const struct od_object *object);
const char *od_object_state_name(enum od_object_state state);

// Sets or, with [request].at NULL, unsets the answer that is given without waking the object.
void od_object_set_auto_response(struct od_object *object, od_slice request, od_slice response);

#endif
