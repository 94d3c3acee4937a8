#include "object/nodes/arrival.h"

#include "base/cursor.h"
#include "net/net.h"
#include "object/keep.h"
#include "object/nodes/early.h"
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

// The edge hears it, and looks where the object is.
static void refuse(struct od_objects *objects, uint32_t place, uint64_t edge, int fd)
{
    if (fd >= 0)
        od_net_hang_up(objects->net, fd);
    od_remote_say_gone(objects, &(struct od_remote){.place = place, .edge = edge, .counts = true},
                       true, od_places_nowhere(objects));
}

void od_arrival_refuse(struct od_objects *objects, uint32_t place, od_slice body, int fd)
{
    struct od_cursor cursor = od_cursor_of(body);
    refuse(objects, place, od_cursor_u64(&cursor), fd);
}

void od_arrival_attach(struct od_objects *objects, uint32_t place, od_slice body, int fd)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct od_error err;
    uint64_t edge = od_cursor_u64(&cursor), count = od_cursor_u64(&cursor);
    bool is_early = od_cursor_u32(&cursor) != UINT32_MAX;
    od_slice record;
    struct od_socket *socket =
        fd < 0 || edge == 0 || cursor.failed ? NULL : od_restore_client(objects, &cursor, &record);
    if (socket == NULL && is_early && fd >= 0) {
        od_early_put(objects, place, body, fd);
        return;
    }
    if (socket == NULL) {
        refuse(objects, place, edge, fd);
        return;
    }
    socket->is_attached = true;
    if (!od_websocket_attach(socket->websocket, record, fd, &err)) {
        od_socket_closed(socket, 1006, od_slice_of(err.text), false);
        return;
    }
    od_keep_socket(socket);
    od_remote_set(socket, place, edge);
    socket->remote->count = socket->remote->mark = socket->remote->said = count;
    socket->remote->counts = true;
}
