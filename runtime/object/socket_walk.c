// What is asked of sockets (socket.h): which an object has, all of them or those with a tag, and
// how one of them is.

#include "object/objects.h"
#include "object/socket.h"
#include "object/tag.h"
#include "object/wish.h"

static struct od_socket *of_tag_link(struct od_list *link)
{
    return OD_LIST_MEMBER(link, struct od_socket_tag, link)->socket;
}

struct od_socket *od_socket_first(struct od_object *object, bool has_tag, od_slice name)
{
    if (has_tag) {
        struct od_tag *tag = od_tag_find(object, name);
        return tag == NULL ? NULL : of_tag_link(tag->sockets.next);
    }
    if (od_list_is_empty(&object->sockets))
        return NULL;
    return OD_LIST_MEMBER(object->sockets.previous, struct od_socket, link);
}

static struct od_socket *next_with_tag(struct od_socket *socket, od_slice name)
{
    for (size_t i = 0; i < socket->tag_count; i++) {
        struct od_socket_tag *link = &socket->tags[i];
        if (!od_slice_equal((od_slice){link->tag->name, link->tag->size}, name))
            continue;
        return link->link.next == &link->tag->sockets ? NULL : of_tag_link(link->link.next);
    }
    return NULL;
}

struct od_socket *od_socket_next(struct od_socket *socket, bool has_tag, od_slice tag)
{
    if (has_tag)
        return next_with_tag(socket, tag);
    struct od_list *previous = socket->link.previous;
    if (previous == &socket->object->sockets)
        return NULL;
    return OD_LIST_MEMBER(previous, struct od_socket, link);
}

size_t od_socket_count(struct od_object *object, bool has_tag, od_slice name)
{
    if (!has_tag)
        return object->socket_count;
    struct od_tag *tag = od_tag_find(object, name);
    return tag == NULL ? 0 : tag->count;
}

od_slice od_socket_tag_at(const struct od_socket *socket, size_t index)
{
    OD_ASSERT(index < socket->tag_count);
    return (od_slice){socket->tags[index].tag->name, socket->tags[index].tag->size};
}

bool od_socket_is_at_rest(const struct od_socket *socket)
{
    return socket->waiting_count == 0 && socket->gated_count == 0 && !socket->is_busy &&
           socket->is_attached && !socket->has_closed && !socket->peer_closed;
}

bool od_socket_can_move(const struct od_socket *socket)
{
    bool is_opening = socket->wish != NULL && socket->wish->is_opening;
    return socket->gated_count == 0 && !socket->is_busy && socket->is_attached &&
           !socket->peer_closed && !socket->is_gone && !is_opening &&
           od_websocket_ready_state(socket->websocket) != OD_READY_CLOSED;
}

od_slice od_socket_attachment(const struct od_socket *socket)
{
    return (od_slice){socket->attachment, socket->attachment_size};
}

enum od_ready_state od_socket_ready_state(const struct od_socket *socket)
{
    if (socket->is_gone)
        return OD_READY_CLOSED;
    if (socket->wish != NULL && !socket->is_attached)
        return OD_READY_CONNECTING;
    return socket->has_closed || socket->peer_closed ? OD_READY_CLOSING : OD_READY_OPEN;
}

size_t od_socket_buffered_bytes(const struct od_socket *socket)
{
    return od_websocket_buffered_bytes(socket->websocket);
}

od_slice od_socket_protocol(const struct od_socket *socket)
{
    return od_websocket_protocol(socket->websocket);
}

od_slice od_socket_url(const struct od_socket *socket)
{
    return od_socket_ready_state(socket) == OD_READY_CONNECTING
               ? od_wish_url(socket)
               : od_websocket_url(socket->websocket);
}
