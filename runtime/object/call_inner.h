// What the parts of a call share: call_route.c says where a request goes, call.c sends it,
// call_peer.c speaks with other workers, and call_answer.c takes its answer home.

#ifndef OD_OBJECT_CALL_INNER_H
#define OD_OBJECT_CALL_INNER_H

#include "link/response.h"
#include "object/call.h"

void od_call_free(struct od_call *call); // Its way is over; nobody is told.

void od_call_log(const struct od_call *call,
                 uint16_t status); // Its answer goes (parts/access_log.h).

// An answer of the runtime's own, to an exchange; and one whose body is in a file
// (od_exchange_answer_file). Takes [fd].
void od_call_answer_as(struct od_call *call, uint16_t status, od_slice response);
void od_call_answer_file(struct od_call *call, uint16_t status, od_slice head, int fd,
                         uint64_t first, uint64_t size);

// It is about no object any more, and counts for none.
void od_call_leave_object(struct od_call *call);

// To an object of this worker that is there; [memory] as od_call_route has it.
void od_call_give_to(struct od_call *call, struct od_object *object, od_slice body,
                     struct od_bytes *memory);

// To the object that [message] names, wherever that is.
void od_call_send_message(struct od_call *call, const struct od_call_message *message);

// Into the inbox of an object of this worker.
void od_call_deliver(struct od_call *call, const struct od_call_message *message);

// To that worker of another node, whatever it is about.
void od_call_send_far(struct od_call *call, uint32_t place, const struct od_call_message *message);

// Trouble of the runtime, not of the object: 503.
void od_call_fail_flagged(struct od_call *call, uint8_t flags, od_slice why);

// A 101 cannot be taken any more: the socket's object hears that the peer is gone; or a body, whose
// writer hears it.
void od_call_lose_parts(struct od_objects *objects, const struct od_response *response);

// The connection [fd], with its record, goes to the socket [number] in [worker]. Takes [fd].
void od_call_hand_over(struct od_objects *objects, uint32_t worker, uint64_t number,
                       od_slice record, int fd);

#endif
