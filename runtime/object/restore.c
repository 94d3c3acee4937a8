#include "object/restore.h"

#include <string.h>

#include "base/log.h"
#include "codec/upgrade_record.h"
#include "link/worker_page.h"
#include "net/net.h"
#include "object/refusal.h"
#include "object/socket.h"
#include "object/wish.h"

struct restored {
    uint64_t number;
    uint32_t place;
    od_time_ms answered_ms;
    uint16_t code; // How it was closed; 0: it was not.
    struct od_identity identity;
    od_slice tags[OD_TAGS_MAX];
    size_t tag_count;
    bool has_attachment;
    od_slice attachment;
    od_slice connection;
    bool has_wish; // It leads to outside (wish.h).
    uint64_t wish;
};

static bool read_facts(od_slice facts, struct restored *restored)
{
    struct od_cursor cursor = od_cursor_of(facts);
    restored->tag_count = od_cursor_u16(&cursor);
    if (restored->tag_count > OD_TAGS_MAX)
        return false;
    for (size_t i = 0; i < restored->tag_count; i++)
        restored->tags[i] = od_cursor_string(&cursor);
    restored->has_attachment = od_cursor_u8(&cursor) != 0;
    restored->attachment = od_cursor_rest(&cursor);
    return !cursor.failed;
}

static bool read_socket(od_slice body, struct restored *restored)
{
    struct od_cursor cursor = od_cursor_of(body);
    restored->number = od_cursor_u64(&cursor);
    restored->place = od_cursor_u32(&cursor);
    restored->answered_ms = (od_time_ms)od_cursor_u64(&cursor);
    restored->code = od_cursor_u16(&cursor);
    od_slice latest = od_cursor_string(&cursor);
    od_identity_read(&cursor, &restored->identity);
    od_slice first = od_cursor_string(&cursor);
    restored->connection = od_cursor_string(&cursor);
    restored->has_wish = !od_cursor_at_end(&cursor);
    restored->wish = restored->has_wish ? od_cursor_u64(&cursor) : 0;
    return !cursor.failed && restored->place < OD_PAGE_SOCKETS_MAX &&
           read_facts(latest.size > 0 ? latest : first, restored);
}

// The script may have that namespace no more: then its sockets wait for a version that has it.
static struct od_object *object_of(struct od_objects *objects, const struct od_identity *identity)
{
    struct od_namespace *namespace = od_objects_add_namespace(objects, identity->space);
    od_id id;
    memcpy(id.bytes, identity->id, OD_ID_BYTES);
    return od_objects_get(objects, namespace, &id, identity->has_name, identity->name);
}

static void lose(struct od_socket *socket, const struct restored *restored, int fd)
{
    if (fd >= 0)
        od_net_hang_up(socket->object->objects->net, fd);
    od_websocket_lose(socket->websocket, restored->connection);
    od_socket_closed(socket, restored->code == 0 ? 1006 : restored->code,
                     OD_SLICE("the worker of this object has ended"), false);
}

// The object hears no close any more, so its socket counts as told: it leaves the object and the
// keeper.
static void forget(struct od_socket *socket, int fd)
{
    if (fd >= 0)
        od_net_hang_up(socket->object->objects->net, fd);
    od_socket_discard(socket);
}

static void reconnect(struct od_socket *socket, const struct restored *restored, int fd)
{
    struct od_error err;
    if (restored->code != 0 || fd < 0) {
        lose(socket, restored, fd);
    } else if (!od_websocket_attach(socket->websocket, restored->connection, fd, &err)) {
        od_log(OD_LOG_WARN, socket->object->label, "a WebSocket is lost: %s", err.text);
        od_socket_closed(socket, 1006, OD_SLICE("the worker of this object has ended"), false);
    }
    socket->has_closed = od_socket_ready_state(socket) == OD_READY_CLOSING;
    // What its client sends is for the next owner, if there is one (nodes/slots.h).
    if (!socket->is_events && !od_places_may_run(socket->object))
        od_socket_pause(socket);
}

void od_restore_socket(struct od_objects *objects, od_slice body, int fd)
{
    struct restored restored = {0};
    struct od_object *object =
        read_socket(body, &restored) ? object_of(objects, &restored.identity) : NULL;
    if (object == NULL) {
        if (fd >= 0)
            od_net_hang_up(objects->net, fd);
        return;
    }
    bool is_events = od_upgrade_record_is_events(restored.connection);
    struct od_socket *socket =
        od_socket_remake(object, restored.number, is_events, restored.tags, restored.tag_count);
    socket->auto_response_ms = restored.answered_ms;
    if (restored.has_wish && !is_events)
        od_wish_adopt(socket, restored.wish);
    if (restored.has_attachment)
        od_socket_set_attachment(socket, restored.attachment);
    if (restored.code != 0 && od_refusal_hears_no_close(object->refusal)) {
        od_keep_again(socket, restored.place);
        forget(socket, fd);
        return;
    }
    reconnect(socket, &restored, fd);
    od_keep_again(socket, restored.place);
    if (od_websocket_record_is_amid(restored.connection))
        od_keep_moved(socket);
}

static bool are_facts_sound(const struct restored *restored)
{
    bool is_sound = restored->attachment.size <= OD_ATTACHMENT_BYTES_MAX;
    for (size_t i = 0; i < restored->tag_count; i++)
        is_sound = is_sound && restored->tags[i].size <= OD_TAG_BYTES_MAX;
    return is_sound;
}

// NULL: it is not here, or nothing like it is.
static struct od_object *object_here(struct od_objects *objects, const struct od_identity *identity)
{
    od_id id;
    memcpy(id.bytes, identity->id, OD_ID_BYTES);
    struct od_namespace *namespace = od_objects_namespace(objects, identity->space);
    bool goes = objects->is_draining || objects->is_leaving;
    if (goes || namespace == NULL || od_places_of(objects, &id) != objects->worker)
        return NULL;
    return od_objects_get(objects, namespace, &id, identity->has_name, identity->name);
}

struct od_socket *od_restore_client(struct od_objects *objects, struct od_cursor *cursor,
                                    od_slice *record)
{
    struct restored restored = {0};
    od_identity_read(cursor, &restored.identity);
    od_slice facts = od_cursor_string(cursor);
    *record = od_cursor_string(cursor);
    struct od_object *object =
        !cursor->failed && read_facts(facts, &restored) && are_facts_sound(&restored)
            ? object_here(objects, &restored.identity)
            : NULL;
    if (object == NULL || object->socket_count >= OD_OBJECT_SOCKETS_MAX)
        return NULL;
    struct od_socket *socket = od_socket_make(object, restored.tags, restored.tag_count);
    if (restored.has_attachment)
        od_socket_set_attachment(socket, restored.attachment);
    return socket;
}

void od_restore_object(struct od_objects *objects, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct od_identity identity;
    od_identity_read(&cursor, &identity);
    uint32_t timeout_ms = od_cursor_u32(&cursor);
    bool has_pair = od_cursor_u8(&cursor) != 0;
    od_slice request = od_cursor_string(&cursor);
    od_slice response = od_cursor_string(&cursor);
    // Whoever told main of it may have been taken over since.
    if (cursor.failed || timeout_ms > OD_EVENT_TIMEOUT_MS_MAX ||
        request.size > OD_AUTO_RESPONSE_BYTES_MAX || response.size > OD_AUTO_RESPONSE_BYTES_MAX)
        return;
    struct od_object *object = object_of(objects, &identity);
    object->event_timeout_ms = timeout_ms;
    if (has_pair)
        od_object_set_auto_response(object, request, response);
    od_object_settle(object);
}
