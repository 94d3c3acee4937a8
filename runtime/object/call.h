// A call: a request or a method call on its way to an object, and the way its answer goes home.
//
// Whoever asks (a connection, a task of an object in this worker, another worker) gets one call per
// question; the answer finds its way by the call's number alone. So it does not matter where the
// object lives, and an answer that nobody waits for any more finds no call and vanishes.
//
// Owner: struct od_objects. A call is freed when it is answered, fails or is cancelled: exactly one
// of the three happens.

#ifndef OD_OBJECT_CALL_H
#define OD_OBJECT_CALL_H

#include "link/failure.h"
#include "object/names/call_message.h"
#include "object/objects.h"
#include "object/task.h"

enum od_call_origin {
    OD_FROM_EXCHANGE, // [origin]: the exchange.
    OD_FROM_TASK,     // [origin]: the task that waits.
    OD_FROM_PEER,     // [origin]: the number the call has in [origin_worker].
};

struct od_outgoing;

struct od_call {
    struct od_map_node by_id;
    struct od_map_node by_origin; // OD_FROM_PEER, OD_FROM_EXCHANGE.
    uint64_t id;
    struct od_objects *objects;
    enum od_call_kind kind;
    enum od_call_origin from;
    uint32_t origin_worker;
    uint64_t origin;
    bool asker_has_left;
    bool is_remote; // Sent to [worker].
    uint32_t worker;
    struct od_call_sent *sent; // It was, or waits until it can be.
    uint32_t mark;             // OD_FROM_PEER, begun (parts/call_mark.h); 0: none.
    char *whom; // Remote and from a task: "rooms/lobby"; a fetch: "http://host/path".
    char *url;  // From a task, when it asks for an upgrade; else NULL.
    struct od_outgoing *outgoing; // A fetch that has left the outbox, else NULL.
    struct od_object *object;     // Here: in whose inbox it is or whose task handles it.
    size_t bytes;                 // Which it holds there.
    uint32_t probed_by;           // The worker of the last probe that came by (deadlock.h),
    uint64_t probe;               // and its number there.
    struct od_access *access;     // OD_FROM_EXCHANGE: for the log; NULL when that is off.
    char *report; // The same: what a browser is to see of its failure (error_page.h), or NULL.
    struct od_timer deadline; // OD_FROM_EXCHANGE: 504.
};

// Panics unless [call] is as its fields say of each other.
void od_call_check(const struct od_call *call);

// Makes a call.
struct od_call *od_call_new(struct od_objects *objects, enum od_call_origin from,
                            uint32_t origin_worker, uint64_t origin);
const char *od_call_whom(const struct od_call *call);                  // For a person.
struct od_call *od_call_find(struct od_objects *objects, uint64_t id); // NULL: over already.

// [worker] is this one: of an exchange.
struct od_call *od_call_find_from(struct od_objects *objects, uint32_t worker, uint64_t origin);

// Sends [message] on its way: into an inbox here, or to the worker of that object.
void od_call_send(struct od_call *call, od_slice message);

// Its event is handled from here on, or may be in another worker.
void od_call_begun(struct od_call *call);

// The request of an exchange, which may be taken, on its way (od_call_route). It has
// OD_RESPONSE_MS_MAX to be answered.
void od_call_ask(struct od_objects *objects, uint64_t exchange, struct od_bytes *request);

// The request of an exchange: to the entry, or to the object its path names, or answered with 404.
// [memory], when it is not NULL, is nothing but the request, and may be taken.
void od_call_route(struct od_call *call, od_slice request, struct od_bytes *memory);

// Whether who gets that request of an exchange reads the body while it comes (script.h).
bool od_call_wants_pieces(struct od_objects *objects, od_slice request);

// The answer goes home: a response or results, by the kind of the call. A 101 takes its socket
// along.
void od_call_answer(struct od_call *call, od_slice answer);

// A response that nobody waits for any more, or that must not leave: the object whose socket it
// brings hears that the peer is gone, and who writes its body that nobody reads it.
void od_call_lose_response(struct od_objects *objects, od_slice bytes);

// It failed: clients get [status] with its standard words and nothing of the inside, objects get
// [failure]. The object that was called is named in it here. The second is for texts of the runtime
// that have no flags.
void od_call_fail_with(struct od_call *call, uint16_t status, const struct od_failure *failure);
void od_call_fail(struct od_call *call, uint16_t status, od_slice why);

// The script has no class for the object it asks for (any more): a 404, or an error that names
// [namespace]. It is the answer a client would get after a restart with the same script, too.
void od_call_refuse(struct od_call *call, const struct od_namespace *namespace);

// Who asks has gone, or will ask nothing more: what it has begun is told (od_task_asker_left).
void od_call_asker_left(struct od_call *call);

// Nobody waits any more: what was begun for it is given up.
void od_call_cancel(struct od_call *call);

// Messages from another worker, or from main, which asks for an operator: what it asks of an object
// at another node is sent on there, and the answer comes back here.
void od_call_receive(struct od_objects *objects, uint32_t worker, od_slice body);       // CALL
void od_call_receive_reply(struct od_objects *objects, uint32_t worker, od_slice body); // REPLY
void od_call_receive_cancel(struct od_objects *objects, uint32_t worker,
                            od_slice body); // CALL_CANCEL
void od_call_receive_left(struct od_objects *objects, uint32_t worker, od_slice body); // CALL_LEFT

#endif
