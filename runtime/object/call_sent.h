// Calls that were sent to another worker, and what becomes of them when it ends.
//
// Who sends a call keeps its message until the answer is here. When the other worker has ended,
// main says which calls it had begun (PEER_ENDED): those fail as retryable, for nobody knows how
// far they came. The others are sent anew to the worker in its place, in the old order, and so are
// those that are made meanwhile. Nothing is begun twice, and a caller whose call was only in line
// behind a stuck object does not notice.
//
// In the same way wait calls of objects that are nowhere for now, for they are on their way from
// one node to another; or whose node is not linked.
//
// A request of a client has begun when its message leaves this worker, and not before: one that
// lies in a link's buffer while this worker gets stuck is not begun by anybody, and main gives it
// to the next (main/workers/lease.h).
//
// What is kept of messages is bounded (OD_CALLS_KEPT_BYTES_MAX); a call that is not kept fails with
// its worker. So does one that waits for the next worker for longer than OD_CALL_AWAITS_MS_MAX, or
// has cost too many workers.
//
// Owner: struct od_objects has a list for each worker; each belongs to its call.

#ifndef OD_OBJECT_CALL_SENT_H
#define OD_OBJECT_CALL_SENT_H

#include "base/bytes.h"
#include "base/list.h"
#include "base/timers.h"

struct od_call;
struct od_objects;

struct od_call_sent {
    struct od_list link;    // In the sent calls of its worker, oldest first.
    struct od_list leaving; // Its message is in the link's buffer, and it has not begun.
    struct od_call *call;
    struct od_bytes message; // Body of the CALL; empty: not kept.
    bool is_waiting;         // For a worker that can be sent to.
    uint32_t times;          // It was sent.
    od_time_ms until_ms;     // It is not waited for longer than that; 0: not yet.
    struct od_timer deadline;
    struct od_timer again; // It was sent where the object is, and was not yet.
};

void od_calls_sent_init(struct od_objects *objects);
void od_calls_sent_deinit(struct od_objects *objects); // All calls are over.

// Sends [message], the body of a CALL, to the worker of [call], or keeps it for the next one there.
void od_call_sent_begin(struct od_call *call, od_slice message);
void od_call_sent_free(struct od_call *call); // Its call is over; when it was not sent: nothing.

// The link to [worker] is about to send what was put there.
void od_calls_sent_leave(struct od_objects *objects, uint32_t worker);

// [begun], (u64 call)*, are those that [worker], which has ended, may have begun; [all]: any of
// them.
void od_calls_sent_ended(struct od_objects *objects, uint32_t worker, bool all, od_slice begun);

// The worker ends: none will come that is worth waiting for, unless at another node.
void od_calls_sent_give_up(struct od_objects *objects);

// The object of [call] is not where it was sent, and nothing has begun: it goes where the object is
// now, or waits until that is known.
void od_call_sent_elsewhere(struct od_call *call);

// Objects are elsewhere (places.h): calls that wait go there.
void od_calls_sent_moved(struct od_objects *objects);

// There is a link to the next one.
void od_calls_sent_anew(struct od_objects *objects, uint32_t worker);

#endif
