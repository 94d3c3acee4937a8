#include "object/socket.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "codec/frame.h"
#include "link/link.h"
#include "link/worker_page.h"
#include "net/net.h"
#include "object/keep.h"
#include "object/objects.h"
#include "object/outbox.h"
#include "object/parts/access_log.h"
#include "object/remote.h"
#include "object/tag.h"
#include "object/tap.h"
#include "object/task.h"
#include "object/wish.h"

struct od_socket *od_socket_find(struct od_objects *objects, uint64_t id)
{
    struct od_map_node *node = od_map_find_number(&objects->sockets, id);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_socket, by_id);
}

static void check_events(const struct od_socket *socket)
{
    OD_ASSERT(socket->waiting_count > 0 || socket->waiting_bytes == 0);
    OD_ASSERT(socket->waiting_count > 0 || !socket->is_busy);
    OD_ASSERT(socket->waiting_count > 0 || od_list_is_empty(&socket->waiting));
    OD_ASSERT(socket->waiting_bytes <= socket->object->objects->waiting_bytes);
}

void od_socket_check(const struct od_socket *socket)
{
    OD_ASSERT(socket->id != 0);
    OD_ASSERT(socket->websocket != NULL);
    OD_ASSERT(socket->is_listed == !od_list_is_empty(&socket->link));
    OD_ASSERT(socket->is_listed || socket->place == 0);
    OD_ASSERT((socket->tags != NULL) == (socket->tag_count > 0));
    OD_ASSERT(socket->attachment_size <= OD_ATTACHMENT_BYTES_MAX);
    OD_ASSERT(!socket->is_attached || socket->birth == NULL);
    check_events(socket);
}

static struct od_socket *make(struct od_object *object, uint64_t id, bool is_events)
{
    OD_ASSERT(od_socket_find(object->objects, id) == NULL);
    OD_ASSERT(!od_object_is_entry(object));
    struct od_objects *objects = object->objects;
    struct od_socket *socket = od_allocate_zeroed(sizeof *socket);
    socket->id = id;
    socket->object = object;
    socket->is_listed = true;
    socket->is_events = is_events;
    socket->websocket = od_websocket_new(objects->net, socket, is_events);
    od_list_init(&socket->link);
    od_list_init(&socket->waiting);
    od_map_put_number(&objects->sockets, &socket->by_id, socket->id);
    return socket;
}

static void list(struct od_object *object, struct od_socket *socket, const od_slice *tags,
                 size_t tag_count)
{
    OD_ASSERT(tag_count <= OD_TAGS_MAX);
    od_list_push_back(&object->sockets, &socket->link);
    object->socket_count++;
    od_tag_add(object, socket, tags, tag_count);
}

struct od_socket *od_socket_make(struct od_object *object, const od_slice *tags, size_t tag_count)
{
    struct od_socket *made = make(object, ++object->objects->next_number, false);
    list(object, made, tags, tag_count);
    return made;
}

struct od_socket *od_socket_remake(struct od_object *object, uint64_t id, bool is_events,
                                   const od_slice *tags, size_t tag_count)
{
    struct od_socket *made = make(object, id, is_events);
    list(object, made, tags, tag_count);
    made->is_attached = true;
    return made;
}

static void attach_is_late(struct od_timer *timer)
{
    const struct od_socket *socket = OD_TIMER_MEMBER(timer, struct od_socket_birth, late)->socket;
    od_socket_attach(socket->object->objects, socket->id, (od_slice){NULL, 0}, -1);
}

static void await_attach(struct od_socket *socket, struct od_task *task)
{
    struct od_socket_birth *birth = od_allocate_zeroed(sizeof *birth);
    birth->socket = socket;
    birth->late.fire = attach_is_late;
    od_list_init(&birth->accepted);
    od_list_push_back(&task->accepted, &birth->accepted);
    od_timers_set(socket->object->objects->timers, &birth->late,
                  od_clock_monotonic_ms() + OD_ATTACH_MS_MAX);
    socket->birth = birth;
}

void od_socket_born(struct od_socket *socket)
{
    struct od_socket_birth *birth = socket->birth;
    if (birth == NULL)
        return;
    od_list_remove(&birth->accepted);
    od_timers_clear(socket->object->objects->timers, &birth->late);
    free(birth);
    socket->birth = NULL;
}

bool od_socket_accept(struct od_object *object, struct od_task *task, bool is_events,
                      const od_slice *tags, size_t tag_count, struct od_socket **socket,
                      struct od_error *err)
{
    OD_ASSERT(task->object == object);
    if (object->socket_count >= OD_OBJECT_SOCKETS_MAX)
        return od_error_set(err, "only %d websockets can be accepted on a single object",
                            OD_OBJECT_SOCKETS_MAX);
    struct od_socket *made = make(object, ++object->objects->next_number, is_events);
    list(object, made, tags, tag_count);
    await_attach(made, task);
    task->is_bound = true;
    *socket = made;
    return true;
}

// Out of the lists a script can see.
static void unlist(struct od_socket *socket)
{
    if (!socket->is_listed)
        return;
    struct od_object *object = socket->object;
    socket->is_listed = false;
    od_list_remove(&socket->link);
    od_tag_remove(object, socket);
    OD_ASSERT(object->socket_count > 0);
    object->socket_count--;
    od_map_remove(&object->objects->sockets, &socket->by_id);
    od_socket_born(socket);
    od_wish_free(socket);
    od_remote_gone(socket, false);
    od_keep_gone(socket);
}

void od_socket_release(struct od_socket *socket)
{
    // Whoever takes the last of these away calls again.
    if (socket->is_listed || socket->gated_count > 0 || socket->waiting_count > 0 ||
        socket->is_busy)
        return;
    od_socket_check(socket);
    od_websocket_free(socket->websocket);
    free(socket->attachment);
    free(socket);
}

void od_socket_forget_event(struct od_socket *socket, size_t size)
{
    OD_ASSERT(socket->waiting_count > 0);
    OD_ASSERT(socket->waiting_bytes >= size);
    OD_ASSERT(socket->object->objects->waiting_bytes >= size);
    socket->waiting_count--;
    socket->waiting_bytes -= size;
    socket->object->objects->waiting_bytes -= size;
}

static void forget_waiting(struct od_socket *socket)
{
    struct od_list *link;
    while ((link = od_list_pop_front(&socket->waiting)) != NULL) {
        struct od_event *event = OD_LIST_MEMBER(link, struct od_event, link);
        od_socket_forget_event(socket, event->size);
        od_event_free(event);
    }
}

void od_socket_discard(struct od_socket *socket)
{
    od_websocket_abort(socket->websocket);
    socket->is_gone = true;
    unlist(socket);
    od_socket_release(socket);
}

struct od_websocket *od_socket_give_websocket(struct od_socket *socket)
{
    struct od_websocket *websocket = socket->websocket;
    OD_ASSERT(od_socket_is_at_rest(socket));
    unlist(socket);
    free(socket->attachment);
    free(socket);
    return websocket;
}

void od_socket_cut(struct od_socket *socket)
{
    od_socket_check(socket);
    forget_waiting(socket);
    od_socket_discard(socket);
}

static bool has_much_waiting(const struct od_socket *socket, unsigned part)
{
    return socket->waiting_count >= OD_SOCKET_WAITING_MAX / part ||
           socket->waiting_bytes >= OD_SOCKET_WAITING_BYTES_MAX / part;
}

// TCP then slows the client down; nothing is refused that was read already.
OD_SELDOM void od_socket_pause(struct od_socket *socket)
{
    od_socket_check(socket);
    if (socket->is_paused)
        return;
    socket->is_paused = true;
    od_websocket_pause(socket->websocket);
}

static inline void count_waiting(struct od_socket *socket, size_t size)
{
    OD_ASSERT(socket->waiting_count < UINT16_MAX);
    socket->waiting_count++;
    socket->waiting_bytes += size;
    socket->object->objects->waiting_bytes += size;
    if (has_much_waiting(socket, 1))
        od_socket_pause(socket);
}

static void receive(struct od_socket *socket, struct od_event *event)
{
    OD_ASSERT(event->socket == NULL);
    event->socket = socket;
    od_object_receive(socket->object, event);
}

// The pair of setWebSocketAutoResponse: exact, whole and text only. It waits for no write, but does
// not overtake what waits for the same socket.
OD_SELDOM static bool auto_respond(struct od_socket *socket, od_slice payload, bool is_binary)
{
    const struct od_auto_response *pair = socket->object->auto_response;
    if (is_binary || socket->has_closed || !od_slice_equal(payload, od_bytes_slice(&pair->request)))
        return false;
    socket->auto_response_ms = od_clock_wall_ms();
    od_keep_answered(socket);
    od_outbox_put_ungated(socket->object,
                          (struct od_effect){.kind = OD_EFFECT_MESSAGE,
                                             .socket = socket,
                                             .bytes = od_bytes_slice(&pair->response)});
    return true;
}

// A compressed message is a thousand times what it cost its sender, and each connection may send
// one: so all of them together have a bound, too.
static inline bool is_too_much(const struct od_socket *socket, od_slice payload)
{
    size_t waiting = socket->object->objects->waiting_bytes;
    return payload.size > OD_WAITING_SMALL_BYTES && waiting + payload.size > OD_WAITING_BYTES_MAX;
}

OD_SELDOM static void refuse_message(struct od_socket *socket)
{
    od_socket_close(socket, 1013, OD_SLICE("Too many large messages wait"));
}

// It waits in the inbox.
OD_SELDOM static void keep_message(struct od_socket *socket, od_slice payload,
                                   struct od_bytes *memory, bool is_binary)
{
    bool moves = memory != NULL && payload.size > OD_WAITING_SMALL_BYTES;
    struct od_event *event =
        moves ? od_event_new_of(OD_EVENT_MESSAGE, memory) : od_event_new(OD_EVENT_MESSAGE, payload);
    event->is_binary = is_binary;
    receive(socket, event);
}

// Afterwards the socket may be gone.
static bool handle_at_once(struct od_socket *socket, od_slice payload, bool is_binary)
{
    struct od_objects *objects = socket->object->objects;
    struct od_event *event = objects->borrowed;
    event->is_binary = is_binary;
    event->socket = socket;
    event->came_us = od_objects_arrival_us(objects);
    event->size = payload.size;
    event->memory = (char *)(uintptr_t)payload.at;
    return od_object_handle_at_once(socket->object, event);
}

void od_socket_message(struct od_socket *socket, od_slice payload, struct od_bytes *memory,
                       bool is_binary)
{
    od_remote_counted(socket);
    if (socket->object->auto_response != NULL && auto_respond(socket, payload, is_binary))
        return;
    if (is_too_much(socket, payload)) {
        refuse_message(socket);
        return;
    }
    if (socket->object->objects->trace_count > 0)
        od_tap_note(socket, OD_TAP_IN, 0, payload, is_binary);
    count_waiting(socket, payload.size);
    if (!handle_at_once(socket, payload, is_binary))
        keep_message(socket, payload, memory, is_binary);
}

// Why a queue is full: before the 101 has left there is no client yet to blame.
static const char *why_full(const struct od_socket *socket)
{
    return socket->is_attached ? "its client does not read what is sent to it"
                               : "its handler sends it more than may wait before its 101 has left";
}

// A crowd of them is told of ever more rarely.
static void log_slow_reader(const struct od_socket *socket)
{
    uint64_t count = ++socket->object->objects->slow_readers;
    od_meters_count(&socket->object->objects->page->meters, OD_METER_slowReaders, 1);
    if ((count & (count - 1)) == 0)
        od_log(OD_LOG_WARN, socket->object->label, "%s: %s (%llu so far)",
               socket->is_events ? "an event stream is ended" : "a WebSocket is closed with 1013",
               why_full(socket), (unsigned long long)count);
}

static void log_closed(const struct od_socket *socket, uint16_t code, od_slice reason)
{
    const struct od_object *object = socket->object;
    if (object->objects->logs_accesses)
        od_access_log_closed(
            &(struct od_access_socket){object->label, socket->id, socket->is_events}, code, reason);
}

void od_socket_closed(struct od_socket *socket, uint16_t code, od_slice reason, bool was_clean)
{
    if (!socket->is_listed)
        return;
    od_socket_check(socket);
    if (code == OD_CLOSE_TRY_AGAIN && !was_clean)
        log_slow_reader(socket);
    struct od_event *event = od_event_new(OD_EVENT_CLOSE, reason);
    event->code = code;
    event->was_clean = was_clean;
    log_closed(socket, code, reason);
    od_tap_note(socket, OD_TAP_CLOSED, code, reason, false);
    socket->peer_closed = true;
    socket->is_gone = !was_clean || socket->has_closed;
    count_waiting(socket, event->size);
    receive(socket, event);
}

void od_socket_failed(struct od_socket *socket, od_slice why)
{
    if (!socket->is_listed)
        return;
    od_socket_check(socket);
    log_closed(socket, 1006, why);
    socket->peer_closed = true;
    socket->is_gone = true;
    count_waiting(socket, why.size);
    receive(socket, od_event_new(OD_EVENT_ERROR, why));
}

void od_socket_opened(struct od_socket *socket, bool is_again)
{
    od_socket_check(socket);
    OD_ASSERT(!socket->is_attached);
    struct od_event *event = od_event_new(OD_EVENT_OPEN, (od_slice){0});
    event->is_again = is_again;
    count_waiting(socket, 0);
    receive(socket, event);
}

void od_socket_unreached(struct od_socket *socket, od_slice why)
{
    od_socket_check(socket);
    OD_ASSERT(!socket->is_attached);
    count_waiting(socket, why.size);
    receive(socket, od_event_new(OD_EVENT_UNREACHED, why));
}

OD_SELDOM void od_socket_resume(struct od_socket *socket)
{
    od_socket_check(socket);
    if (has_much_waiting(socket, 2) || !od_places_may_read(socket->object))
        return;
    socket->is_paused = false;
    od_websocket_resume(socket->websocket);
}

// To the front: it came before everything that waits in the inbox now.
OD_SELDOM static void let_next_in(struct od_socket *socket)
{
    od_list_push_front(&socket->object->work->inbox, od_list_pop_front(&socket->waiting));
    socket->object->inbox_count++;
}

// The handler of webSocketClose has had its chance to answer with a code of its own.
OD_SELDOM static void end(struct od_socket *socket)
{
    if (!socket->has_closed && !socket->is_gone)
        od_outbox_put(socket->object,
                      (struct od_effect){.kind = OD_EFFECT_FINISH_CLOSE, .socket = socket});
    od_wish_renew(socket);
    unlist(socket);
}

inline void od_socket_event_done(struct od_socket *socket, enum od_event_kind kind, size_t size)
{
    od_socket_forget_event(socket, size);
    socket->is_busy = false;
    od_websocket_touch(socket->websocket);
    if (kind == OD_EVENT_OPEN && socket->wish != NULL)
        socket->wish->is_opening = false;
    bool is_last = kind == OD_EVENT_CLOSE || kind == OD_EVENT_ERROR;
    if (is_last)
        end(socket);
    else if (!od_list_is_empty(&socket->waiting))
        let_next_in(socket);
    if (socket->is_paused && !is_last)
        od_socket_resume(socket);
    if (!socket->is_listed)
        od_socket_release(socket);
}

// As perform_message of outbox.c does, without an effect: most of what is sent goes this way.
inline bool od_socket_send_at_once(struct od_socket *socket, od_slice payload, bool is_binary)
{
    bool is_dialled = socket->wish != NULL && !socket->is_attached;
    if (socket->has_closed || socket->is_gone || is_dialled || !od_outbox_is_open(socket->object))
        return false;
    if (socket->object->objects->trace_count > 0)
        od_tap_note(socket, OD_TAP_OUT, 0, payload, is_binary);
    od_websocket_send(socket->websocket, payload, is_binary);
    return true;
}

bool od_socket_send(struct od_socket *socket, od_slice payload, bool is_binary)
{
    if (socket->has_closed)
        return false;
    if (socket->is_gone || od_socket_send_at_once(socket, payload, is_binary))
        return true;
    od_outbox_put(socket->object, (struct od_effect){.kind = OD_EFFECT_MESSAGE,
                                                     .socket = socket,
                                                     .bytes = payload,
                                                     .is_binary = is_binary});
    return true;
}

bool od_socket_send_event(struct od_socket *socket, const struct od_event_frame *event)
{
    struct od_bytes frame = {0};
    OD_ASSERT(socket->is_events);
    od_event_frame_put(&frame, event);
    bool ok = od_socket_send(socket, od_bytes_slice(&frame), false);
    od_bytes_deinit(&frame);
    return ok;
}

bool od_socket_is_close_code(uint16_t code)
{
    return od_frame_code_is_valid(code);
}

void od_socket_close(struct od_socket *socket, uint16_t code, od_slice reason)
{
    od_socket_check(socket);
    if (socket->has_closed)
        return;
    if (od_socket_ready_state(socket) == OD_READY_CONNECTING) {
        od_socket_discard(socket);
        return;
    }
    socket->has_closed = true;
    od_outbox_put(socket->object,
                  (struct od_effect){.kind = OD_EFFECT_CLOSE,
                                     .socket = socket,
                                     .code = code == 0 ? (uint16_t)OD_CLOSE_NO_CODE : code,
                                     .bytes = reason});
}

static void tell_facts(struct od_socket *socket)
{
    od_websocket_touch(socket->websocket);
    if (socket->place != 0)
        od_keep_facts(socket);
    od_remote_tell_facts(socket);
}

void od_socket_set_tags(struct od_socket *socket, const od_slice *tags, size_t count)
{
    OD_ASSERT(count <= OD_TAGS_MAX);
    OD_ASSERT(socket->is_listed);
    od_socket_check(socket);
    od_tag_remove(socket->object, socket);
    od_tag_add(socket->object, socket, tags, count);
    tell_facts(socket);
}

void od_socket_set_attachment(struct od_socket *socket, od_slice bytes)
{
    OD_ASSERT(bytes.size <= OD_ATTACHMENT_BYTES_MAX);
    od_socket_check(socket);
    socket->attachment = od_reallocate(socket->attachment, bytes.size);
    if (bytes.size > 0) // Those of nil have no address.
        memcpy(socket->attachment, bytes.at, bytes.size);
    socket->attachment_size = (uint32_t)bytes.size;
    tell_facts(socket);
}
