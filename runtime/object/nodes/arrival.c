#include "object/nodes/arrival.h"

#include "base/cursor.h"
#include "net/net.h"
#include "object/keep.h"
#include "object/objects.h"
#include "object/remote.h"
#include "object/restore.h"
#include "object/socket.h"

void od_arrival_receive(struct od_objects *objects, uint32_t place, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t id = od_cursor_u64(&cursor), edge = od_cursor_u64(&cursor);
    struct od_socket *socket = od_socket_find(objects, id);
    if (cursor.failed || edge == 0 || socket == NULL || socket->is_events || socket->wish != NULL)
        return;
    // It is no other's.
    if (socket->remote == NULL || socket->remote->place == place)
        od_remote_set(socket, place, edge);
}

void od_arrival_refuse(struct od_objects *objects, uint32_t place, od_slice body, int fd)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct od_remote refused = {.place = place, .edge = od_cursor_u64(&cursor), .counts = true};
    if (fd >= 0)
        od_net_hang_up(objects->net, fd);
    od_remote_say_gone(objects, &refused, true, od_places_nowhere(objects));
}

bool od_arrival_attach(struct od_objects *objects, uint32_t place, od_slice body, int fd)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct od_error err;
    uint64_t edge = od_cursor_u64(&cursor), count = od_cursor_u64(&cursor);
    (void)od_cursor_u32(&cursor); // Who gives its object away (early.h).
    od_slice record;
    struct od_socket *socket =
        fd < 0 || edge == 0 || cursor.failed ? NULL : od_restore_client(objects, &cursor, &record);
    if (socket == NULL)
        return false;
    socket->is_attached = true;
    if (!od_websocket_attach(socket->websocket, record, fd, &err)) {
        od_socket_closed(socket, 1006, od_slice_of(err.text), false);
        return true;
    }
    od_keep_socket(socket);
    od_remote_set(socket, place, edge);
    socket->remote->count = socket->remote->mark = socket->remote->said = count;
    socket->remote->counts = true;
    return true;
}
