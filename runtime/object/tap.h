// A tap: the last messages of an object's sockets, in both directions, while somebody watches them.
//
// It belongs to the object's trace (trace.h) and lasts as long as that. Of each message the first
// OD_TAP_SHOWN_BYTES are kept. Messages that are answered by themselves (parts/auto_response.h) do
// not reach the object, nor this.
//
// Process: workers. Owner: struct od_trace.

#ifndef OD_OBJECT_TAP_H
#define OD_OBJECT_TAP_H

#include "base/cursor.h"
#include "object/socket.h"

#define OD_TAP_MESSAGES 200
#define OD_TAP_SHOWN_BYTES 256

enum od_tap_kind {
    OD_TAP_IN,
    OD_TAP_OUT,
    OD_TAP_CLOSED, // By the peer,
    OD_TAP_CLOSE,  // and by the object.
};

struct od_tap;

// Passes when nobody watches.
void od_tap_note(const struct od_socket *socket, enum od_tap_kind kind, uint16_t code,
                 od_slice bytes, bool is_binary);

// Watches, or goes on. [sent]: u64 number of the last message the asker has, 0 for none. Puts one
// record for each message behind it.
OD_MUST_CHECK bool od_tap_watch(struct od_object *object, struct od_cursor *sent,
                                struct od_bytes *facts, struct od_error *err);

#endif
