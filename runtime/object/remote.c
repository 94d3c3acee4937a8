#include "object/remote.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/log.h"
#include "link/link.h"
#include "object/edge_keeper.h"
#include "object/keep.h"
#include "object/objects.h"
#include "object/socket.h"

static void check(const struct od_remote *remote)
{
    OD_ASSERT(remote->edge != 0);
    OD_ASSERT(remote->facts_said <= remote->facts);
}

static void put_facts(struct od_bytes *body, const struct od_socket *socket)
{
    const struct od_remote *remote = socket->remote;
    od_bytes_put_u64(body, remote->edge);
    od_bytes_put_u64(body, socket->id);
    od_bytes_put_u64(body, remote->facts);
    od_identity_put(body, &socket->object->identity);
    od_keep_put_facts(body, socket);
}

void od_remote_tell_facts(struct od_socket *socket)
{
    struct od_remote *remote = socket->remote;
    if (remote == NULL)
        return;
    check(remote);
    struct od_objects *objects = socket->object->objects;
    struct od_bytes body = {0};
    remote->facts++;
    put_facts(&body, socket);
    if (remote->place == objects->worker)
        objects->edge_keeper->facts(objects, remote->place, od_bytes_slice(&body));
    else if (objects->peers[remote->place] != NULL)
        od_link_send(objects->peers[remote->place], OD_KIND_EDGE_FACTS, od_bytes_slice(&body), -1);
    od_bytes_deinit(&body);
}

void od_remote_say_gone(struct od_objects *objects, const struct od_remote *remote, bool has_moved,
                        uint32_t next)
{
    struct od_bytes body = {0};
    od_bytes_put_u64(&body, remote->edge);
    od_bytes_put_u8(&body, has_moved);
    od_bytes_put_u64(&body, remote->counts ? remote->count : UINT64_MAX);
    od_bytes_put_u32(&body, next);
    if (remote->place == objects->worker)
        objects->edge_keeper->gone(objects, remote->place, od_bytes_slice(&body));
    else if (objects->peers[remote->place] != NULL)
        od_link_send(objects->peers[remote->place], OD_KIND_EDGE_GONE, od_bytes_slice(&body), -1);
    od_bytes_deinit(&body);
}

void od_remote_gone(struct od_socket *socket, bool has_moved)
{
    if (socket->remote == NULL)
        return;
    od_remote_say_gone(socket->object->objects, socket->remote, has_moved,
                       od_places_next(socket->object));
    free(socket->remote);
    socket->remote = NULL;
}

bool od_remote_leave(struct od_socket *socket)
{
    if (socket->remote == NULL || !od_socket_is_at_rest(socket))
        return false;
    od_remote_gone(socket, true);
    od_websocket_let_go(socket->websocket); // Behind what it was sent.
    od_socket_discard(socket);
    return true;
}

void od_remote_set(struct od_socket *socket, uint32_t place, uint64_t edge)
{
    if (socket->remote == NULL)
        socket->remote = od_allocate_zeroed(sizeof *socket->remote);
    socket->remote->place = place;
    socket->remote->edge = edge;
    od_websocket_tell_pongs(socket->websocket);
    od_remote_tell_facts(socket);
}

void od_remote_counted(struct od_socket *socket)
{
    if (socket->remote != NULL)
        socket->remote->count++;
}

void od_remote_marked(struct od_socket *socket, od_slice mark)
{
    struct od_cursor cursor = od_cursor_of(mark);
    uint64_t number = od_cursor_u64(&cursor);
    if (socket->remote == NULL || cursor.failed)
        return;
    socket->remote->mark = socket->remote->count = number;
    socket->remote->counts = true;
    od_websocket_touch(socket->websocket);
}

void od_remote_rests(struct od_socket *socket)
{
    struct od_remote *remote = socket->remote;
    if (remote == NULL || (remote->said == remote->mark && remote->facts_said == remote->facts))
        return;
    check(remote);
    struct od_bytes said = {0};
    remote->said = remote->mark;
    remote->facts_said = remote->facts;
    od_bytes_put_u64(&said, remote->mark);
    od_bytes_put_u64(&said, remote->facts);
    od_websocket_send_pong(socket->websocket, od_bytes_slice(&said));
    od_bytes_deinit(&said);
}
