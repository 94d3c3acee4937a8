// Which sockets an object has (socket.h): all of them, or those with a tag.

#include "object/objects.h"
#include "object/socket.h"
#include "object/tag.h"

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
