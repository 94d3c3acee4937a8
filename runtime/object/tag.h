// The index of tags: for one object, from a tag to its sockets, oldest first.
//
// A look-up costs what it returns, however many sockets are connected: each tag in use is a list,
// and a tag without sockets is gone. A socket that gets a tag later stands where it would stand had
// it been accepted with it, as it does when it is given back after a crash. That costs a walk past
// the younger ones, and nothing for the youngest.
//
// Owner: the object has the map while there is a tag; a socket owns its links in the lists.

#ifndef OD_OBJECT_TAG_H
#define OD_OBJECT_TAG_H

#include "object/object.h"
#include "object/socket.h"

struct od_tag {
    struct od_map_node by_name;
    struct od_list sockets; // struct od_socket_tag
    size_t count;
    size_t size;
    char name[];
};

struct od_tag *od_tag_find(const struct od_object *object,
                           od_slice name); // NULL: no socket has it.

void od_tag_add(struct od_object *object, struct od_socket *socket, const od_slice *tags,
                size_t count);
void od_tag_remove(struct od_object *object, struct od_socket *socket);

#endif
