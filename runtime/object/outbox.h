// The output gate of one object: effects wait here until what they rest on is on disk.
//
// An effect is anything the outside can notice: the answer to a request, a frame, a close, a call
// to another object. A handler may have written to storage before it caused an effect, and the
// write may still fail. So each effect remembers the last write it can have seen, and leaves only
// once that write is durable. If a commit fails, the effects behind it are dropped and the object
// is reset; the world never sees a promise that was not kept.
//
// What a constructor sends to sockets waits for its end as well: if it fails, there was no such
// instance. It does not wait any longer when the constructor calls somebody else.
//
// What rests on a transaction waits for its end as well (transaction.h): it is kept without knowing
// yet for which write. Only a question goes ahead of that.
//
// When nothing waits and nothing is unwritten, as is usual, an effect leaves at once and costs no
// copy.
//
// Order: effects leave in the order they were put in, also when a later one waits for nothing; but
// see above for questions.
// Owner: struct od_object embeds the list; effects belong to it from put on.

#ifndef OD_OBJECT_OUTBOX_H
#define OD_OBJECT_OUTBOX_H

#include "link/failure.h"
#include "object/object.h"
#include "object/socket.h"

enum od_effect_kind {
    OD_EFFECT_ANSWER,       // bytes: results; number: the call it answers.
    OD_EFFECT_RESPONSE,     // bytes: a response; number: the same. It may bring a socket or stream.
    OD_EFFECT_FAILURE,      // bytes: a failure (link/failure.h); number: the call that failed.
    OD_EFFECT_CALL,         // bytes: the message of a call (call.h); number: the call.
    OD_EFFECT_FETCH,        // bytes: a request to the outside (outgoing.h); number: its call.
    OD_EFFECT_MESSAGE,      // bytes: the payload, or frame; socket.
    OD_EFFECT_DIAL,         // socket: to outside, which is to be connected now (wish.h).
    OD_EFFECT_CLOSE,        // bytes: the reason; code; socket.
    OD_EFFECT_PIECE,        // bytes; number: the stream whose body they are of (stream.h).
    OD_EFFECT_PIECES_END,   // number: the stream, which is whole now.
    OD_EFFECT_PIPE_OPEN,    // number: the pipe that is to be connected now (pipe.h).
    OD_EFFECT_PIPE_BYTES,   // bytes; number: the pipe.
    OD_EFFECT_PIPE_SECURE,  // number: the pipe, on which TLS is to begin.
    OD_EFFECT_PIPE_END,     // number: the pipe.
    OD_EFFECT_ALARM_OVER,   // Main hears that an alarm is over (alarm_event.h).
    OD_EFFECT_FINISH_CLOSE, // socket: answer the peer's Close if nobody has.
};

struct od_effect {
    struct od_list link;
    enum od_effect_kind kind;
    bool is_binary;
    bool is_tentative; // Of a constructor that has not ended.
    bool is_of_slab;   // Of all objects'; otherwise it is too large for that, or borrowed.
    uint16_t code;
    uint64_t seq; // Leaves when writes up to here are durable.
    uint64_t number;
    struct od_socket *socket;
    struct od_frame_shared *frame;
    od_slice bytes; // Borrowed while it is put; its own once it waits.
};

// Panics unless the outbox of [object] is as this file leaves it.
void od_outbox_check(const struct od_object *object);

// Nothing waits and nothing is unwritten: an effect of a socket leaves at once.
bool od_outbox_is_open(const struct od_object *object);

// Lets [effect] leave, or keeps a copy of it until it may.
void od_outbox_put(struct od_object *object, struct od_effect effect);

// The same, but it waits for unconfirmed writes too.
void od_outbox_put_synced(struct od_object *object, struct od_effect effect);

// The same without waiting for writes; only behind what waits for the same object already.
void od_outbox_put_ungated(struct od_object *object, struct od_effect effect);

void od_outbox_release(
    struct od_object *object); // Writes have become durable: what may leave, leaves.

// The outermost transaction is over, kept or not: what has waited for it waits for writes now.
void od_outbox_decide(struct od_object *object);

// A reset: nothing of it leaves. Calls that wait for an answer fail with [why]; sockets for which a
// message or close was waiting are closed with 1011.
void od_outbox_drop(struct od_object *object, const struct od_failure *why);
void od_outbox_drop_tentative(struct od_object *object); // Only what its constructor has sent.

#endif
