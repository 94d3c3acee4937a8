#include "object/tag.h"

#include <stdlib.h>
#include <string.h>

static bool has_name(const struct od_map_node *node, const void *key)
{
    const struct od_tag *tag = OD_MAP_MEMBER(node, struct od_tag, by_name);
    return od_slice_equal((od_slice){tag->name, tag->size}, *(const od_slice *)key);
}

struct od_tag *od_tag_find(const struct od_object *object, od_slice name)
{
    if (object->tags == NULL)
        return NULL;
    struct od_map_node *node = od_map_find(object->tags, od_slice_hash(name), has_name, &name);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_tag, by_name);
}

static struct od_tag *find_or_make(struct od_object *object, od_slice name)
{
    struct od_tag *tag = od_tag_find(object, name);
    if (tag != NULL)
        return tag;
    tag = od_allocate_zeroed(sizeof *tag + name.size);
    tag->size = name.size;
    if (name.size > 0)
        memcpy(tag->name, name.at, name.size);
    od_list_init(&tag->sockets);
    if (object->tags == NULL)
        object->tags = od_allocate_zeroed(sizeof *object->tags);
    od_map_put(object->tags, &tag->by_name, od_slice_hash(name));
    return tag;
}

// Before the first that was accepted later; sockets are numbered in that order.
static void put_in_order(struct od_tag *tag, struct od_socket_tag *added)
{
    struct od_list *before = tag->sockets.previous;
    while (before != &tag->sockets &&
           OD_LIST_MEMBER(before, struct od_socket_tag, link)->socket->id > added->socket->id)
        before = before->previous;
    od_list_push_front(before, &added->link);
}

void od_tag_add(struct od_object *object, struct od_socket *socket, const od_slice *tags,
                size_t count)
{
    if (count == 0)
        return;
    OD_ASSERT(count <= OD_TAGS_MAX);
    OD_ASSERT(socket->tags == NULL);
    OD_ASSERT(socket->object == object);
    socket->tags = od_allocate(count * sizeof *socket->tags);
    socket->tag_count = (uint16_t)count;
    for (size_t i = 0; i < count; i++) {
        struct od_socket_tag *link = &socket->tags[i];
        link->tag = find_or_make(object, tags[i]);
        link->socket = socket;
        link->tag->count++;
        od_list_init(&link->link);
        put_in_order(link->tag, link);
    }
}

static void end_tag(struct od_object *object, struct od_tag *tag)
{
    OD_ASSERT(object->tags != NULL);
    od_map_remove(object->tags, &tag->by_name);
    free(tag);
    if (object->tags->size > 0)
        return;
    od_map_deinit(object->tags);
    free(object->tags);
    object->tags = NULL;
}

void od_tag_remove(struct od_object *object, struct od_socket *socket)
{
    for (size_t i = 0; i < socket->tag_count; i++) {
        struct od_tag *tag = socket->tags[i].tag;
        od_list_remove(&socket->tags[i].link);
        OD_ASSERT(tag->count > 0);
        if (--tag->count == 0)
            end_tag(object, tag);
    }
    free(socket->tags);
    socket->tags = NULL;
    socket->tag_count = 0;
}
