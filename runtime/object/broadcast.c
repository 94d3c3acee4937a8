#include "object/broadcast.h"

#include "codec/frame_shared.h"
#include "object/outbox.h"

static struct od_frame_shared *new_frame(const struct od_broadcast *broadcast, bool is_events)
{
    struct od_bytes event = {0};
    if (!is_events)
        return od_frame_shared_new(broadcast->payload, broadcast->is_binary);
    od_event_frame_put(&event, broadcast->event);
    struct od_frame_shared *frame = od_frame_shared_of_events(od_bytes_slice(&event));
    od_bytes_deinit(&event);
    return frame;
}

// What came before the peer's Close is answered as if that was not read yet; behind it nobody
// listens.
static bool has_left(const struct od_socket *socket)
{
    return socket->is_gone || (socket->peer_closed && socket->waiting_count <= 1);
}

static bool is_reached(const struct od_broadcast *broadcast, const struct od_socket *socket)
{
    return socket != broadcast->except && !socket->has_closed && !has_left(socket) &&
           od_socket_ready_state(socket) != OD_READY_CONNECTING &&
           (!socket->is_events || broadcast->event != NULL);
}

size_t od_broadcast_send(struct od_object *object, const struct od_broadcast *broadcast)
{
    size_t reached = 0;
    struct od_frame_shared *frames[2] = {NULL, NULL}; // By whether they are for event streams.
    struct od_socket *socket = od_socket_first(object, broadcast->has_tag, broadcast->tag);
    for (; socket != NULL; socket = od_socket_next(socket, broadcast->has_tag, broadcast->tag)) {
        if (!is_reached(broadcast, socket))
            continue;
        struct od_frame_shared **frame = &frames[socket->is_events];
        if (*frame == NULL)
            *frame = new_frame(broadcast, socket->is_events);
        od_outbox_put(object, (struct od_effect){.kind = OD_EFFECT_MESSAGE,
                                                 .socket = socket,
                                                 .frame = *frame,
                                                 .is_binary = broadcast->is_binary});
        reached++;
    }
    od_frame_shared_drop(frames[0]);
    od_frame_shared_drop(frames[1]);
    return reached;
}
