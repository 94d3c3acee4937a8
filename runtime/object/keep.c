#include "object/keep.h"

#include <stdlib.h>
#include <unistd.h>

#include "link/link.h"
#include "link/worker_page.h"
#include "object/objects.h"
#include "object/socket.h"
#include "object/wish.h"

// --- Places on the page --------------------------------------------------------------------------

void od_keep_init(struct od_objects *objects)
{
    objects->keep = (struct od_keep){.next = objects->page->first_socket};
}

void od_keep_deinit(struct od_objects *objects)
{
    free(objects->keep.free);
}

// Counted from 1; 0: there is none left.
static uint32_t take_place(struct od_keep *keep)
{
    OD_ASSERT(keep->free_count <= keep->free_capacity);
    OD_ASSERT(keep->next <= OD_PAGE_SOCKETS_MAX);
    if (keep->free_count > 0)
        return keep->free[--keep->free_count] + 1;
    return keep->next < OD_PAGE_SOCKETS_MAX ? ++keep->next : 0;
}

static void give_place(struct od_objects *objects, uint32_t place)
{
    OD_ASSERT(place > 0);
    OD_ASSERT(place <= OD_PAGE_SOCKETS_MAX);
    struct od_keep *keep = &objects->keep;
    if (keep->free_count == keep->free_capacity)
        keep->free = od_grow(keep->free, &keep->free_capacity, sizeof *keep->free);
    keep->free[keep->free_count++] = place - 1;
}

static void use_place(struct od_socket *socket, uint32_t place)
{
    OD_ASSERT(socket->place == 0);
    OD_ASSERT(place > 0);
    OD_ASSERT(place <= OD_PAGE_SOCKETS_MAX);
    struct od_worker_page *page = socket->object->objects->page;
    socket->place = place;
    page->flags[place - 1] = (socket->is_events ? OD_PAGE_EVENTS : 0) |
                             (od_websocket_is_client(socket->websocket) ? OD_PAGE_MASKS : 0);
    page->answered_ms[place - 1] = socket->auto_response_ms;
    od_websocket_show_at(socket->websocket, place - 1);
}

// --- Sockets -------------------------------------------------------------------------------------

void od_keep_put_facts(struct od_bytes *bytes, const struct od_socket *socket)
{
    size_t mark = bytes->size;
    od_bytes_put_u32(bytes, 0);
    od_bytes_put_u16(bytes, socket->tag_count);
    for (size_t i = 0; i < socket->tag_count; i++)
        od_bytes_put_string(bytes, od_socket_tag_at(socket, i));
    od_bytes_put_u8(bytes, socket->attachment != NULL);
    od_bytes_put_slice(bytes, od_socket_attachment(socket));
    od_bytes_set_u32(bytes, mark, (uint32_t)(bytes->size - mark - 4));
}

static void put_wish(struct od_bytes *bytes, const struct od_socket *socket)
{
    if (socket->wish != NULL)
        od_bytes_put_u64(bytes, socket->wish->number);
}

static void put_record(struct od_bytes *bytes, const struct od_socket *socket)
{
    od_identity_put(bytes, &socket->object->identity);
    od_keep_put_facts(bytes, socket);
    size_t mark = bytes->size;
    od_bytes_put_u32(bytes, 0);
    od_websocket_put_record(socket->websocket, bytes);
    od_bytes_set_u32(bytes, mark, (uint32_t)(bytes->size - mark - 4));
    put_wish(bytes, socket);
}

// Without a descriptor or a place for it the socket works, but will not outlive this worker. Of a
// connection that was an exchange main has a duplicate already.
void od_keep_socket(struct od_socket *socket)
{
    OD_ASSERT(socket->is_attached);
    OD_ASSERT(socket->place == 0);
    struct od_objects *objects = socket->object->objects;
    uint32_t place = take_place(&objects->keep);
    if (place == 0)
        return;
    uint32_t lease = od_websocket_take_lease(socket->websocket);
    int fd = lease == OD_PAGE_NO_PLACE ? od_websocket_duplicate_fd(socket->websocket) : -1;
    if (lease == OD_PAGE_NO_PLACE && fd < 0) {
        give_place(objects, place);
        return;
    }
    use_place(socket, place);
    od_websocket_touch(socket->websocket); // The 101 is still to be sent.
    struct od_link *link = objects->main;
    size_t mark = od_link_begin(link, OD_KIND_SOCKET_KEEP, fd);
    od_bytes_put_u64(&link->out, socket->id);
    od_bytes_put_u32(&link->out, place - 1);
    od_bytes_put_u32(&link->out, lease);
    put_record(&link->out, socket);
    od_link_end(link, mark);
}

void od_keep_again(struct od_socket *socket, uint32_t place)
{
    use_place(socket, place + 1);
}

static void put_told(const struct od_socket *socket, struct od_list *events, struct od_bytes *told)
{
    OD_LIST_EACH (link, events) {
        const struct od_event *event = OD_LIST_MEMBER(link, struct od_event, link);
        if (event->socket == socket && event->kind == OD_EVENT_MESSAGE)
            od_websocket_put_told(socket->websocket, od_event_bytes(event), event->is_binary, told);
    }
}

// Its messages that wait here go along as they came.
static void put_state(struct od_bytes *bytes, const struct od_socket *socket)
{
    struct od_bytes told = {0};
    put_told(socket, &socket->object->work->inbox, &told);
    put_told(socket, (struct od_list *)&socket->waiting, &told);
    od_identity_put(bytes, &socket->object->identity);
    od_keep_put_facts(bytes, socket);
    size_t mark = bytes->size;
    od_bytes_put_u32(bytes, 0);
    od_websocket_put_state(socket->websocket, od_bytes_slice(&told), bytes);
    od_bytes_set_u32(bytes, mark, (uint32_t)(bytes->size - mark - 4));
    put_wish(bytes, socket);
    od_bytes_deinit(&told);
}

void od_keep_state(const struct od_socket *socket)
{
    struct od_bytes body = {0};
    bool is_at_rest =
        socket->place == 0 ||
        (socket->object->objects->page->flags[socket->place - 1] & ~OD_PAGE_MASKS) == 0;
    if (is_at_rest)
        return; // Or not kept.
    od_bytes_put_u64(&body, socket->id);
    od_bytes_put_u8(&body, true);
    put_state(&body, socket);
    if (body.size <= OD_LINK_MESSAGE_BYTES_MAX)
        od_link_send(socket->object->objects->main, OD_KIND_SOCKET_STATE, od_bytes_slice(&body),
                     -1);
    od_bytes_deinit(&body);
}

void od_keep_moved(const struct od_socket *socket)
{
    od_websocket_touch(socket->websocket);
    struct od_link *link = socket->object->objects->main;
    size_t mark = od_link_begin(link, OD_KIND_SOCKET_STATE, -1);
    od_bytes_put_u64(&link->out, socket->id);
    od_bytes_put_u8(&link->out, false);
    put_record(&link->out, socket);
    od_link_end(link, mark);
}

void od_keep_facts(const struct od_socket *socket)
{
    OD_ASSERT(socket->place != 0);
    struct od_link *link = socket->object->objects->main;
    size_t mark = od_link_begin(link, OD_KIND_SOCKET_FACTS, -1);
    od_bytes_put_u64(&link->out, socket->id);
    od_keep_put_facts(&link->out, socket);
    od_link_end(link, mark);
}

void od_keep_answered(const struct od_socket *socket)
{
    if (socket->place != 0)
        socket->object->objects->page->answered_ms[socket->place - 1] = socket->auto_response_ms;
}

void od_keep_gone(struct od_socket *socket)
{
    struct od_objects *objects = socket->object->objects;
    if (socket->place == 0)
        return;
    od_websocket_hide(socket->websocket);
    give_place(objects, socket->place);
    socket->place = 0;
    size_t mark = od_link_begin(objects->main, OD_KIND_SOCKET_GONE, -1);
    od_bytes_put_u64(&objects->main->out, socket->id);
    od_link_end(objects->main, mark);
}

// --- Objects -------------------------------------------------------------------------------------

static void put_object(struct od_bytes *bytes, const struct od_object *object)
{
    const struct od_auto_response *pair = object->auto_response;
    od_identity_put(bytes, &object->identity);
    od_bytes_put_u32(bytes, object->event_timeout_ms);
    od_bytes_put_u8(bytes, pair != NULL);
    od_bytes_put_string(bytes, pair == NULL ? (od_slice){0} : od_bytes_slice(&pair->request));
    od_bytes_put_string(bytes, pair == NULL ? (od_slice){0} : od_bytes_slice(&pair->response));
}

static void tell_object(const struct od_object *object, bool forget)
{
    OD_ASSERT(!od_object_is_entry(object));
    struct od_link *link = object->objects->main;
    size_t mark = od_link_begin(link, OD_KIND_OBJECT_KEEP, -1);
    od_bytes_put_u8(&link->out, forget);
    od_bytes_put(&link->out, object->identity.id, OD_ID_BYTES);
    if (!forget)
        put_object(&link->out, object);
    od_link_end(link, mark);
}

void od_keep_object(const struct od_object *object)
{
    tell_object(object, object->auto_response == NULL && object->event_timeout_ms == 0);
}

void od_keep_forget_object(const struct od_object *object)
{
    if (object->auto_response != NULL || object->event_timeout_ms != 0)
        tell_object(object, true);
}
