#include "object/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "link/link.h"
#include "link/request.h"
#include "link/response.h"
#include "net/exchange.h"
#include "net/net.h"
#include "object/label.h"
#include "object/outgoing.h"
#include "object/refusal.h"
#include "object/route.h"
#include "object/socket.h"
#include "object/visit.h"

static bool has_id(const struct od_map_node *node, const void *key)
{
    return OD_MAP_MEMBER(node, struct od_call, by_id)->id == *(const uint64_t *)key;
}

struct od_call *od_call_find(struct od_objects *objects, uint64_t id)
{
    struct od_map_node *node = od_map_find(&objects->calls, od_map_hash_u64(id), has_id, &id);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_call, by_id);
}

static void call_free(struct od_call *call)
{
    od_timers_clear(call->objects->timers, &call->deadline);
    free(call->visit);
    od_outgoing_free(call->outgoing);
    od_map_remove(&call->objects->calls, &call->by_id);
    free(call->whom);
    free(call);
}

const char *od_call_whom(const struct od_call *call)
{
    if (call->object != NULL)
        return call->object->label;
    return call->whom != NULL ? call->whom : "an object"; // It has not left the outbox yet.
}

static void deadline_passed(struct od_timer *timer)
{
    struct od_call *call = OD_TIMER_MEMBER(timer, struct od_call, deadline);
    od_log(OD_LOG_WARN, call->object == NULL ? NULL : call->object->label,
           "fetch has not answered within %d ms; the client gets a 504", OD_RESPONSE_MS_MAX);
    struct od_bytes response = {0};
    od_response_put_plain(&response, 504, "Gateway Timeout\n");
    od_visit_end(call, 504);
    struct od_exchange *exchange = od_net_exchange(call->objects->net, call->origin);
    if (exchange != NULL)
        od_exchange_answer(exchange, od_bytes_slice(&response));
    od_bytes_deinit(&response);
    od_call_cancel(call);
}

struct od_call *od_call_new(struct od_objects *objects, enum od_call_origin from,
                            uint32_t origin_worker, uint64_t origin)
{
    struct od_call *call = od_allocate_zeroed(sizeof *call);
    call->id = ++objects->next_number;
    call->objects = objects;
    call->from = from;
    call->origin_worker = origin_worker;
    call->origin = origin;
    call->deadline.fire = deadline_passed;
    od_map_put(&objects->calls, &call->by_id, od_map_hash_u64(call->id));
    if (from == OD_FROM_EXCHANGE)
        od_timers_set(objects->timers, &call->deadline,
                      od_clock_monotonic_ms() + OD_RESPONSE_MS_MAX);
    return call;
}

void od_call_put(struct od_bytes *bytes, uint64_t number, const od_id *id, od_slice namespace_name,
                 bool has_name, od_slice name, od_slice request)
{
    od_bytes_put_u64(bytes, number);
    od_bytes_put(bytes, id->bytes, OD_ID_BYTES);
    od_bytes_put_string(bytes, namespace_name);
    od_bytes_put_u8(bytes, has_name);
    od_bytes_put_string(bytes, name);
    od_bytes_put_slice(bytes, request);
}

struct call_message {
    uint64_t number;
    od_id id;
    od_slice namespace_name;
    bool has_name;
    od_slice name;
    od_slice request;
};

static bool read_message(od_slice body, struct call_message *message)
{
    struct od_cursor cursor = od_cursor_of(body);
    message->number = od_cursor_u64(&cursor);
    od_slice id = od_cursor_bytes(&cursor, OD_ID_BYTES);
    for (size_t i = 0; i < id.size; i++)
        message->id.bytes[i] = (uint8_t)id.at[i];
    message->namespace_name = od_cursor_string(&cursor);
    message->has_name = od_cursor_u8(&cursor) != 0;
    message->name = od_cursor_string(&cursor);
    message->request = od_cursor_rest(&cursor);
    return !cursor.failed;
}

static void give_to(struct od_call *call, struct od_object *object, od_slice request)
{
    if (object->refusal != NULL) {
        od_call_fail(call, 503, od_refusal_why(object->refusal));
        return;
    }
    if (object->inbox_count >= OD_INBOX_EVENTS_MAX) {
        od_call_fail(call, 503,
                     OD_SLICE("Durable Object is overloaded. Too many requests queued."));
        return;
    }
    struct od_event *event = od_event_new(OD_EVENT_FETCH, request);
    event->call = call->id;
    call->object = object;
    od_object_receive(object, event);
}

static void deliver_here(struct od_call *call, const struct call_message *message)
{
    struct od_namespace *namespace = od_objects_namespace(call->objects, message->namespace_name);
    if (namespace == NULL) {
        od_call_fail(call, 404, OD_SLICE("the script has no such namespace"));
        return;
    }
    if (!od_objects_serve(call->objects, namespace)) {
        od_call_refuse(call, namespace);
        return;
    }
    struct od_object *object =
        od_objects_get(call->objects, namespace, &message->id, message->has_name, message->name);
    give_to(call, object, message->request);
}

static void send_to_peer(struct od_call *call, uint32_t worker, const struct call_message *message)
{
    struct od_link *peer = call->objects->peers[worker];
    if (peer == NULL || od_link_waiting_bytes(peer) > OD_LINK_MESSAGE_BYTES_MAX) {
        od_call_fail(call, 503, OD_SLICE("the worker of this object is not there at the moment"));
        return;
    }
    call->is_remote = true;
    call->worker = worker;
    if (call->from == OD_FROM_TASK)
        call->whom =
            od_label_new(message->namespace_name, &message->id, message->has_name, message->name);
    size_t mark = od_link_begin(peer, OD_KIND_CALL, -1);
    od_call_put(&peer->out, call->id, &message->id, message->namespace_name, message->has_name,
                message->name, message->request);
    od_link_end(peer, mark);
}

static void send_message(struct od_call *call, const struct call_message *message)
{
    uint32_t worker = od_worker_of(&message->id, call->objects->worker_count);
    if (worker == call->objects->worker)
        deliver_here(call, message);
    else
        send_to_peer(call, worker, message);
}

void od_call_send(struct od_call *call, od_slice body)
{
    struct call_message message;
    bool is_whole = read_message(body, &message);
    OD_ASSERT(is_whole);
    send_message(call, &message);
}

static void route_by_path(struct od_call *call, od_slice request, od_slice target)
{
    struct od_bytes name = {0};
    struct call_message message = {.request = request, .has_name = true};
    enum od_route_result result = od_route_path(target, &message.namespace_name, &name);
    struct od_namespace *namespace =
        result == OD_ROUTE_OK ? od_objects_namespace(call->objects, message.namespace_name) : NULL;
    if (result == OD_ROUTE_MALFORMED) {
        od_call_fail(call, 400, OD_SLICE("the name in the path does not decode"));
    } else if (namespace == NULL) {
        od_call_fail(call, 404, OD_SLICE("no such namespace"));
    } else if (!od_objects_serve(call->objects, namespace)) {
        od_call_refuse(call, namespace);
    } else {
        message.name = od_bytes_slice(&name);
        message.id = od_id_of_name(&namespace->key, message.name);
        send_message(call, &message);
    }
    od_bytes_deinit(&name);
}

void od_call_route(struct od_call *call, od_slice request)
{
    struct od_request head;
    bool is_whole = od_request_read(request, &head);
    OD_ASSERT(is_whole);
    if (call->visit == NULL)
        od_visit_begin(call, &head);
    if (call->objects->script->has_entry)
        give_to(call, call->objects->entry, request);
    else
        route_by_path(call, request, od_request_target(head.url));
}

// The 101 cannot be taken any more: the socket's object hears that the peer is gone.
static void lose_socket(struct od_objects *objects, const struct od_response *response)
{
    if (response->socket == 0)
        return;
    if (response->worker == objects->worker) {
        od_socket_attach(objects, response->socket, (od_slice){NULL, 0}, -1);
    } else if (objects->peers[response->worker] != NULL) {
        struct od_link *peer = objects->peers[response->worker];
        size_t mark = od_link_begin(peer, OD_KIND_UPGRADE, -1);
        od_bytes_put_u64(&peer->out, response->socket);
        od_link_end(peer, mark);
    }
}

static void hand_over(struct od_objects *objects, const struct od_response *response,
                      od_slice record, int fd)
{
    if (response->worker == objects->worker) {
        od_socket_attach(objects, response->socket, record, fd);
        return;
    }
    struct od_link *peer = objects->peers[response->worker];
    if (peer == NULL) {
        close(fd); // Its worker has just died, and the socket with it.
        return;
    }
    size_t mark = od_link_begin(peer, OD_KIND_UPGRADE, fd);
    od_bytes_put_u64(&peer->out, response->socket);
    od_bytes_put_slice(&peer->out, record);
    od_link_end(peer, mark);
}

// Either the client did not ask for a WebSocket, or the handler's 101 is not one it can have.
static void refuse_upgrade(struct od_call *call, struct od_exchange *exchange, const char *why)
{
    bool is_asked = od_exchange_wants_websocket(exchange);
    struct od_bytes refusal = {0};
    od_log(is_asked ? OD_LOG_ERROR : OD_LOG_INFO, call->object == NULL ? NULL : call->object->label,
           "cannot upgrade to a WebSocket: %s", why);
    if (is_asked)
        od_response_put_plain(&refusal, 500, "Internal Server Error\n");
    else
        od_response_put_plain(&refusal, 426, "This needs a WebSocket client\n");
    od_visit_end(call, is_asked ? 500 : 426);
    od_exchange_answer(exchange, od_bytes_slice(&refusal));
    od_bytes_deinit(&refusal);
}

static void upgrade(struct od_call *call, struct od_exchange *exchange, od_slice bytes,
                    const struct od_response *response)
{
    struct od_bytes record = {0};
    struct od_error err;
    int fd = -1;
    if (od_exchange_upgrade(exchange, bytes, &record, &fd, &err)) {
        od_visit_end(call, 101);
        hand_over(call->objects, response, od_bytes_slice(&record), fd);
    } else {
        refuse_upgrade(call, exchange, err.text);
        lose_socket(call->objects, response);
    }
    od_bytes_deinit(&record);
}

static void answer_plainly(struct od_call *call, struct od_exchange *exchange, od_slice bytes,
                           uint16_t status)
{
    od_visit_end(call, status);
    od_exchange_answer(exchange, bytes);
}

static void answer_exchange(struct od_call *call, od_slice bytes)
{
    struct od_response response;
    bool is_whole = od_response_read(bytes, &response);
    OD_ASSERT(is_whole);
    struct od_exchange *exchange = od_net_exchange(call->objects->net, call->origin);
    if (exchange == NULL)
        lose_socket(call->objects, &response);
    else if (response.status == 101)
        upgrade(call, exchange, bytes, &response);
    else
        answer_plainly(call, exchange, bytes, response.status);
}

static void reply_to_task(struct od_call *call, bool ok, od_slice bytes)
{
    struct od_task *task = od_task_find(call->objects, call->origin);
    if (task == NULL)
        return;
    task->waiting_call = 0;
    struct od_event *event = od_event_new(OD_EVENT_RESUME, bytes);
    event->ok = ok;
    event->task = call->origin;
    od_object_receive(task->object, event);
}

static void reply_to_peer(struct od_call *call, bool ok, od_slice bytes)
{
    struct od_link *peer = call->objects->peers[call->origin_worker];
    if (peer == NULL)
        return;
    size_t mark = od_link_begin(peer, OD_KIND_REPLY, -1);
    od_bytes_put_u64(&peer->out, call->origin);
    od_bytes_put_u8(&peer->out, ok);
    od_bytes_put_slice(&peer->out, bytes);
    od_link_end(peer, mark);
}

void od_call_answer(struct od_call *call, od_slice response)
{
    if (call->from == OD_FROM_EXCHANGE)
        answer_exchange(call, response);
    else if (call->from == OD_FROM_TASK)
        reply_to_task(call, true, response);
    else
        reply_to_peer(call, true, response);
    call_free(call);
}

static const char *standard_words(uint16_t status)
{
    static const struct {
        uint16_t status;
        const char *words;
    } table[] = {{400, "Bad Request\n"}, {404, "Not Found\n"}, {503, "Service Unavailable\n"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].status == status)
            return table[i].words;
    }
    return "Internal Server Error\n";
}

void od_call_fail(struct od_call *call, uint16_t status, od_slice why)
{
    if (call->from == OD_FROM_EXCHANGE) {
        struct od_bytes response = {0};
        od_response_put_plain(&response, status, standard_words(status));
        answer_exchange(call, od_bytes_slice(&response));
        od_bytes_deinit(&response);
    } else if (call->from == OD_FROM_TASK) {
        reply_to_task(call, false, why);
    } else {
        reply_to_peer(call, false, why);
    }
    call_free(call);
}

void od_call_refuse(struct od_call *call, const struct od_namespace *namespace)
{
    char text[OD_NAMESPACE_BYTES_MAX + 128];
    int size =
        snprintf(text, sizeof text, "the namespace '%.*s' is not in version %u of the script",
                 (int)namespace->name.size, namespace->name.at, call->objects->script->version);
    od_call_fail(call, 404, (od_slice){text, (size_t)size});
}

void od_call_cancel(struct od_call *call)
{
    struct od_link *peer = call->is_remote ? call->objects->peers[call->worker] : NULL;
    if (peer != NULL) {
        size_t mark = od_link_begin(peer, OD_KIND_CALL_CANCEL, -1);
        od_bytes_put_u64(&peer->out, call->id);
        od_link_end(peer, mark);
    }
    struct od_object *object = call->object;
    uint64_t id = call->id;
    call_free(call);
    if (object != NULL)
        od_object_cancel(object, id);
}

void od_call_receive(struct od_objects *objects, uint32_t worker, od_slice body)
{
    struct call_message message;
    struct od_request request;
    if (!read_message(body, &message) || !od_request_read(message.request, &request)) {
        od_log(OD_LOG_ERROR, NULL, "worker %u sent a call that cannot be read", worker);
        return;
    }
    deliver_here(od_call_new(objects, OD_FROM_PEER, worker, message.number), &message);
}

void od_call_receive_reply(struct od_objects *objects, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t id = od_cursor_u64(&cursor);
    bool ok = od_cursor_u8(&cursor) != 0;
    od_slice rest = od_cursor_rest(&cursor);
    struct od_call *call = od_call_find(objects, id);
    struct od_response response;
    if (call == NULL) {
        if (ok && od_response_read(rest, &response))
            lose_socket(objects, &response);
        return;
    }
    if (ok && od_response_read(rest, &response))
        od_call_answer(call, rest);
    else
        od_call_fail(call, 500, ok ? OD_SLICE("the answer of the object cannot be read") : rest);
}

void od_call_receive_cancel(struct od_objects *objects, uint32_t worker, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t origin = od_cursor_u64(&cursor);
    struct od_map_node *node = NULL;
    while ((node = od_map_next(&objects->calls, node)) != NULL) {
        struct od_call *call = OD_MAP_MEMBER(node, struct od_call, by_id);
        if (call->from != OD_FROM_PEER || call->origin_worker != worker || call->origin != origin)
            continue;
        od_call_cancel(call);
        return;
    }
}

static struct od_call *first_to(struct od_objects *objects, uint32_t worker)
{
    struct od_map_node *node = NULL;
    while ((node = od_map_next(&objects->calls, node)) != NULL) {
        struct od_call *call = OD_MAP_MEMBER(node, struct od_call, by_id);
        if (call->is_remote && call->worker == worker)
            return call;
    }
    return NULL;
}

void od_call_peer_gone(struct od_objects *objects, uint32_t worker)
{
    struct od_call *call;
    while ((call = first_to(objects, worker)) != NULL)
        od_call_fail(call, 503, OD_SLICE("the worker of this object has ended"));
}
