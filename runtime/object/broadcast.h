// A broadcast: one message to many sockets of an object, the most used loop of all.
//
// It is encoded once for WebSockets and once for event streams, and each that gets it holds a
// reference (codec/frame_shared.h).

#ifndef OD_OBJECT_BROADCAST_H
#define OD_OBJECT_BROADCAST_H

#include "object/socket.h"

struct od_broadcast {
    bool has_tag; // To those that have [tag]; else to all,
    od_slice tag;
    const struct od_socket *except; // but this, which may be NULL,
    od_slice payload;               // that are open, or have events before their Close.
    bool is_binary;
    const struct od_event_frame *event; // The same for event streams; NULL: they do not get it.
};

size_t od_broadcast_send(struct od_object *object,
                         const struct od_broadcast *broadcast); // To how many.

#endif
