#include "object/keep.h"

#include "link/link.h"

static void put_record(struct od_bytes *bytes, const struct od_socket *socket)
{
    od_identity_put(bytes, &socket->object->identity);
    od_bytes_put_u16(bytes, socket->tag_count);
    for (size_t i = 0; i < socket->tag_count; i++)
        od_bytes_put_string(bytes, od_socket_tag_at(socket, i));
    od_bytes_put_u8(bytes, socket->attachment != NULL);
    od_bytes_put_string(bytes, od_socket_attachment(socket));
}

void od_keep_socket(struct od_socket *socket)
{
    int fd = od_websocket_duplicate_fd(socket->websocket);
    if (fd < 0)
        return; // No descriptor left for it: the socket works, but would not outlive this worker.
    struct od_link *link = socket->object->objects->main;
    size_t mark = od_link_begin(link, OD_KIND_SOCKET_KEEP, fd);
    od_bytes_put_u64(&link->out, socket->id);
    put_record(&link->out, socket);
    od_link_end(link, mark);
}

void od_keep_attachment(const struct od_socket *socket)
{
    struct od_link *link = socket->object->objects->main;
    size_t mark = od_link_begin(link, OD_KIND_SOCKET_ATTACHMENT, -1);
    od_bytes_put_u64(&link->out, socket->id);
    od_bytes_put_string(&link->out, od_socket_attachment(socket));
    od_link_end(link, mark);
}

void od_keep_gone(struct od_objects *objects, uint64_t socket)
{
    size_t mark = od_link_begin(objects->main, OD_KIND_SOCKET_GONE, -1);
    od_bytes_put_u64(&objects->main->out, socket);
    od_link_end(objects->main, mark);
}
