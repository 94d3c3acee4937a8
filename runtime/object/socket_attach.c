// How a socket gets its connection, once the 101 has passed the gate.

#include "net/net.h"
#include "net/wire.h"
#include "object/keep.h"
#include "object/objects.h"
#include "object/parts/access_log.h"
#include "object/socket.h"

// The one that waits for its connection; NULL: there is none, or it waits no more.
static struct od_socket *awaiting(struct od_objects *objects, uint64_t id)
{
    struct od_socket *socket = od_socket_find(objects, id);
    if (socket == NULL || socket->is_attached)
        return NULL;
    od_socket_check(socket);
    socket->is_attached = true;
    od_socket_born(socket);
    return socket;
}

static void attached(struct od_socket *socket, bool is_there)
{
    OD_ASSERT(socket->is_attached);
    if (!is_there) {
        od_socket_closed(socket, 1006,
                         OD_SLICE("WebSocket disconnected without sending Close frame."), false);
        return;
    }
    // Main first: from the moment the client has its 101, the socket outlives this worker.
    od_keep_socket(socket);
    if (socket->object->objects->logs_accesses)
        od_access_log_opened(
            &(struct od_access_socket){socket->object->label, socket->id, socket->is_events});
}

void od_socket_attach(struct od_objects *objects, uint64_t id, od_slice record, int fd)
{
    struct od_socket *socket = awaiting(objects, id);
    struct od_error err;
    if (socket != NULL)
        attached(socket, fd >= 0 && od_websocket_attach(socket->websocket, record, fd, &err));
    else if (fd >= 0)
        od_net_hang_up(objects->net, fd);
}

void od_socket_take(struct od_objects *objects, uint64_t id, od_slice record, struct od_wire *wire)
{
    struct od_socket *socket = awaiting(objects, id);
    struct od_error err;
    if (socket != NULL)
        attached(socket, od_websocket_take(socket->websocket, record, wire, &err));
    else
        od_wire_abort(wire);
}
