// A request of an object to the outside (od.fetch): when it may run, and for how long.
//
// To its task it is a call like any other (call.h): it leaves through the outbox, it is found by
// its number, and whoever gives the call up gives this up. Here is what is particular: an object
// has at most OD_OUTGOING_RUNNING_MAX at once and a worker OD_OUTGOING_WORKER_MAX; the others wait,
// those of one object in their order, the objects in turn. The time it may take counts from when
// it leaves the outbox, waiting included.
//
// Owner: its call, from od_outgoing_send on.

#ifndef OD_OBJECT_OUTGOING_H
#define OD_OBJECT_OUTGOING_H

#include "base/bytes.h"
#include "base/list.h"
#include "net/fetch.h"
#include "object/parts/outgoing_queue.h"

struct od_call;
struct od_object;
struct od_objects;
struct od_outgoing;

struct od_outgoing_turns {  // Of one worker.
    struct od_list objects; // In whose turn it is.
    uint32_t running_count;
};

struct od_outgoing_way {
    enum od_fetch_redirect redirect;
    bool upgrades; // To a WebSocket (net/dial.h), which the task has as a client's end.
    bool streams;  // The body of the answer comes in pieces; the time is until its head is there.
    uint32_t timeout_ms;
};

// The body of an effect OD_EFFECT_FETCH. [request] is a link/request.h.
void od_outgoing_put(struct od_bytes *bytes, const struct od_outgoing_way *way, od_slice request);

// It has passed the gate.
void od_outgoing_send(struct od_call *call, od_slice body);

// News of the net: it is over, or the head of the answer is there.
void od_outgoing_end(struct od_objects *objects, uint64_t number, bool ok, od_slice bytes);

// The same of one that upgrades, as the event [dialled] of the net. Takes [fd].
void od_outgoing_dialled(struct od_objects *objects, uint64_t number, int fd, od_slice bytes);

void od_outgoing_free(struct od_outgoing *outgoing); // Cancels what is left of it. NULL is allowed.

#endif
