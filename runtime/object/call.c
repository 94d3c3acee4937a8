#include "object/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/suggest.h"
#include "link/commands.h"
#include "link/link.h"
#include "link/request.h"
#include "net/exchange.h"
#include "net/net.h"
#include "object/call_inner.h"
#include "object/call_sent.h"
#include "object/deadlock.h"
#include "object/inspector.h"
#include "object/loading.h"
#include "object/names/label.h"
#include "object/names/route.h"
#include "object/outgoing.h"
#include "object/parts/access_log.h"
#include "object/parts/call_mark.h"
#include "object/refusal.h"
#include "store/store.h"

struct od_call *od_call_find(struct od_objects *objects, uint64_t id)
{
    struct od_map_node *node = od_map_find_number(&objects->calls, id);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_call, by_id);
}

static uint64_t origin_hash(uint32_t worker, uint64_t origin)
{
    return od_map_hash_u64(origin ^ (uint64_t)worker << 48);
}

static bool has_origin(const struct od_map_node *node, const void *key)
{
    const struct od_call *wanted = key;
    const struct od_call *call = OD_MAP_MEMBER(node, struct od_call, by_origin);
    return call->origin == wanted->origin && call->origin_worker == wanted->origin_worker;
}

struct od_call *od_call_find_from(struct od_objects *objects, uint32_t worker, uint64_t origin)
{
    struct od_call wanted = {.origin_worker = worker, .origin = origin};
    struct od_map_node *node =
        od_map_find(&objects->peer_calls, origin_hash(worker, origin), has_origin, &wanted);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_call, by_origin);
}

void od_call_check(const struct od_call *call)
{
    const struct od_objects *objects = call->objects;
    OD_ASSERT(call->id != 0);
    OD_ASSERT(call->id <= objects->next_number);
    OD_ASSERT(call->kind < OD_CALL_KINDS);
    OD_ASSERT(call->from == OD_FROM_PEER || call->origin_worker == objects->worker);
    OD_ASSERT(!call->is_remote || call->worker < od_places_count(objects));
    OD_ASSERT(!call->is_remote || call->object == NULL);
    OD_ASSERT(call->object == NULL || call->object->call_count > 0);
    OD_ASSERT(call->outgoing == NULL || call->from == OD_FROM_TASK);
}

void od_call_leave_object(struct od_call *call)
{
    if (call->object == NULL)
        return;
    OD_ASSERT(call->object->call_count > 0);
    OD_ASSERT(call->object->work->call_bytes >= call->bytes);
    call->object->call_count--;
    call->object->work->call_bytes -= call->bytes;
    call->object = NULL;
}

void od_call_log(const struct od_call *call, uint16_t status)
{
    if (call->access != NULL)
        od_access_log_end(call->access, status, call->object == NULL ? NULL : call->object->label,
                          call->objects->script->version);
}

static void mark_over(struct od_call *call)
{
    if (call->mark != 0)
        od_call_mark_over(&call->objects->call_marks,
                          (struct od_call_mark){call->mark, call->origin_worker});
    call->mark = 0;
}

void od_call_free(struct od_call *call)
{
    od_call_check(call);
    od_call_leave_object(call);
    mark_over(call);
    od_call_sent_free(call);
    if (call->from != OD_FROM_TASK)
        od_map_remove(&call->objects->peer_calls, &call->by_origin);
    od_timers_clear(call->objects->timers, &call->deadline);
    free(call->access);
    free(call->report);
    od_outgoing_free(call->outgoing);
    od_map_remove(&call->objects->calls, &call->by_id);
    free(call->whom);
    free(call->url);
    od_slab_give(&call->objects->call_blocks, call);
}

const char *od_call_whom(const struct od_call *call)
{
    if (call->object != NULL)
        return call->object->label;
    return call->whom != NULL ? call->whom : "an object"; // It has not left the outbox yet.
}

static void set_deadline(struct od_call *call)
{
    od_timers_set(call->objects->timers, &call->deadline,
                  od_clock_monotonic_ms() + OD_RESPONSE_MS_MAX);
}

// A handler that reads what comes of the body has not had its time yet.
static void deadline_passed(struct od_timer *timer)
{
    struct od_call *call = OD_TIMER_MEMBER(timer, struct od_call, deadline);
    struct od_exchange *exchange = od_net_exchange(call->objects->net, call->origin);
    if (exchange != NULL && od_exchange_body_moves(exchange)) {
        set_deadline(call);
        return;
    }
    OD_ASSERT(call->from == OD_FROM_EXCHANGE);
    od_log(OD_LOG_WARN, call->object == NULL ? NULL : call->object->label,
           "fetch has not answered within %d ms; the client gets a 504", OD_RESPONSE_MS_MAX);
    struct od_bytes response = {0};
    od_response_put_plain(&response, 504, "Gateway Timeout\n");
    od_call_log(call, 504);
    if (exchange != NULL)
        od_exchange_answer(exchange, od_bytes_slice(&response));
    od_bytes_deinit(&response);
    od_call_cancel(call);
}

struct od_call *od_call_new(struct od_objects *objects, enum od_call_origin from,
                            uint32_t origin_worker, uint64_t origin)
{
    OD_ASSERT(from <= OD_FROM_PEER);
    OD_ASSERT(origin_worker < od_places_nowhere(objects)); // Main is behind the last worker.
    uint64_t block; // Not the number of the call, which no former life of the worker had either.
    struct od_call *call = od_slab_take(&objects->call_blocks, &block);
    *call = (struct od_call){.id = ++objects->next_number,
                             .objects = objects,
                             .from = from,
                             .origin_worker = origin_worker,
                             .origin = origin,
                             .deadline = {.fire = deadline_passed}};
    od_map_put_number(&objects->calls, &call->by_id, call->id);
    if (from != OD_FROM_TASK)
        od_map_put(&objects->peer_calls, &call->by_origin, origin_hash(origin_worker, origin));
    return call;
}

static enum od_event_kind event_of(enum od_call_kind kind)
{
    OD_ASSERT(kind < OD_CALL_LIST);
    static const enum od_event_kind events[OD_CALL_KINDS] = {[OD_CALL_FETCH] = OD_EVENT_FETCH,
                                                             [OD_CALL_METHOD] = OD_EVENT_CALL,
                                                             [OD_CALL_COMMAND] = OD_EVENT_COMMAND};
    return events[kind];
}

// Trouble of the runtime, not of the object.
void od_call_fail_flagged(struct od_call *call, uint8_t flags, od_slice why)
{
    od_call_fail_with(call, 503, &(struct od_failure){.flags = flags, .message = why});
}

// NULL when [object] can take a call of so many [bytes].
static const char *overload(const struct od_object *object, size_t bytes)
{
    if (object->inbox_count >= OD_INBOX_EVENTS_MAX || object->call_count >= OD_OBJECT_CALLS_MAX)
        return "Durable Object is overloaded. Too many requests queued.";
    if (object->call_count > 0 && object->work->call_bytes + bytes > OD_ASKED_BYTES_MAX)
        return "Durable Object is overloaded. Too much data queued.";
    return NULL;
}

// What is large is moved: to copy it would take all others' time.
static struct od_event *event_for(const struct od_call *call, od_slice body,
                                  struct od_bytes *memory)
{
    OD_ASSERT(memory == NULL || memory->size == body.size);
    bool moves = memory != NULL && body.size > OD_WAITING_SMALL_BYTES;
    return moves ? od_event_new_of(event_of(call->kind), memory)
                 : od_event_new(event_of(call->kind), body);
}

static void put_into_inbox(struct od_call *call, struct od_object *object, od_slice body,
                           struct od_bytes *memory)
{
    OD_ASSERT(call->object == NULL);
    OD_ASSERT(!call->is_remote);
    OD_ASSERT(object->refusal == NULL);
    struct od_event *event = event_for(call, body, memory);
    event->call = call->id;
    call->object = object;
    call->bytes = body.size;
    object->call_count++;
    od_object_work(object)->call_bytes += body.size;
    // A client waits for an object but nothing waits for a client, so it closes no cycle.
    if (call->from == OD_FROM_EXCHANGE) {
        od_object_receive_read(object, event); // The call may be over by then.
        return;
    }
    od_object_receive(object, event);
    od_deadlock_look(call);
}

void od_call_give_to(struct od_call *call, struct od_object *object, od_slice body,
                     struct od_bytes *memory)
{
    // An object that cannot keep up says so at once: a caller that waits holds its own memory, too.
    const char *why_not = overload(object, body.size);
    if (object->refusal != NULL)
        od_call_fail_flagged(call, OD_FAILURE_RETRYABLE, od_refusal_why(object->refusal));
    else if (why_not != NULL)
        od_call_fail_flagged(call, OD_FAILURE_OVERLOADED, od_slice_of(why_not));
    else
        put_into_inbox(call, object, body, memory);
}

static void fail_unknown(struct od_call *call, od_slice name)
{
    char word[OD_SUGGEST_BYTES_MAX + 1], names[OD_NAMESPACE_BYTES_MAX + 1], why[256];
    struct od_suggest suggest = {.word = word};
    char nearest[sizeof names] = "";
    snprintf(word, sizeof word, "%.*s", (int)name.size, name.at);
    OD_LIST_EACH (link, &call->objects->namespaces) {
        const struct od_namespace *namespace = OD_LIST_MEMBER(link, struct od_namespace, link);
        snprintf(names, sizeof names, "%.*s", (int)od_namespace_called(namespace).size,
                 od_namespace_called(namespace).at);
        suggest.name = nearest[0] == '\0' ? NULL : nearest;
        od_suggest_try(&suggest, names);
        if (suggest.name == names)
            memcpy(nearest, names, sizeof names);
    }
    bool is_near = nearest[0] != '\0';
    int size = snprintf(why, sizeof why, "the script has no such namespace%s%s%s",
                        is_near ? "; did you mean " : "", nearest, is_near ? "?" : "");
    od_call_fail(call, 404, (od_slice){why, (size_t)size});
}

static void refuse_loading(struct od_call *call, struct od_object *object)
{
    od_loading_ask(object);
    od_call_fail_flagged(call, OD_FAILURE_RETRYABLE,
                         OD_SLICE("what it stores is being loaded: ask again in a moment"));
}

static bool is_look(const struct od_call_message *message)
{
    return message->kind == OD_CALL_COMMAND && od_command_is_look(message->body);
}

// The script has it no more, perhaps, but what is stored in it can be looked at. Only the first
// worker has met all of them (versions/leftovers.h).
static struct od_namespace *find_left(const struct od_call *call,
                                      const struct od_call_message *message)
{
    struct od_identity stored;
    bool is_stored = is_look(message) &&
                     od_store_identity_of(call->objects->store, message->id.bytes, &stored) &&
                     od_slice_equal(stored.space, message->namespace_name);
    return is_stored ? od_objects_add_namespace(call->objects, message->namespace_name) : NULL;
}

void od_call_deliver(struct od_call *call, const struct od_call_message *message)
{
    od_call_check(call);
    struct od_namespace *namespace = od_objects_namespace(call->objects, message->namespace_name);
    namespace = namespace == NULL ? find_left(call, message) : namespace;
    if (namespace == NULL) {
        fail_unknown(call, message->namespace_name);
        return;
    }
    bool looks = is_look(message);
    if (!looks && !od_objects_serve(call->objects, namespace)) {
        od_call_refuse(call, namespace);
        return;
    }
    struct od_object *object =
        od_objects_get(call->objects, namespace, &message->id, message->has_name, message->name);
    bool is_loaded = od_loading_is_done(object);
    if (looks && is_loaded && object->work->transaction == NULL)
        call->objects->inspector->look(object, call->id, message->body);
    else if (looks && !is_loaded && !od_objects_serve(call->objects, namespace))
        refuse_loading(call, object); // Its inbox waits for a class.
    else
        od_call_give_to(call, object, message->body, message->memory);
}

// Main asks for an operator, and is no worker.
static void mark_begun(struct od_call *call)
{
    struct od_objects *objects = call->objects;
    if (call->mark == 0 && call->origin_worker != objects->worker_count)
        call->mark = od_call_mark_begin(&objects->call_marks, objects->page, call->origin_worker,
                                        call->origin);
}

void od_call_begun(struct od_call *call)
{
    od_call_check(call);
    if (call->from == OD_FROM_PEER)
        mark_begun(call);
    if (call->from != OD_FROM_EXCHANGE)
        return;
    struct od_exchange *exchange = od_net_exchange(call->objects->net, call->origin);
    if (exchange != NULL)
        od_exchange_begun(exchange);
}

static void send_to_peer(struct od_call *call, uint32_t worker,
                         const struct od_call_message *message)
{
    OD_ASSERT(worker != call->objects->worker_count);
    OD_ASSERT(worker != call->objects->worker);
    OD_ASSERT(!call->is_remote);
    const struct od_link *peer = call->objects->peers[worker];
    if (peer != NULL && od_link_waiting_bytes(peer) > OD_PEER_BYTES_MAX) {
        od_call_fail_flagged(call, OD_FAILURE_OVERLOADED,
                             OD_SLICE("Durable Object is overloaded. Too much data queued."));
        return;
    }
    call->is_remote = true;
    call->worker = worker;
    if (call->from == OD_FROM_TASK)
        call->whom =
            od_label_new(message->namespace_name, &message->id, message->has_name, message->name);
    struct od_bytes bytes = {0};
    od_bytes_put_u64(&bytes, call->id);
    od_call_begin(&bytes, message->kind, &message->id, message->namespace_name, message->has_name,
                  message->name);
    od_bytes_put_slice(&bytes, message->body);
    od_call_sent_begin(call, od_bytes_slice(&bytes));
    od_bytes_deinit(&bytes);
}

void od_call_send_far(struct od_call *call, uint32_t place, const struct od_call_message *message)
{
    OD_ASSERT(od_places_are_far(call->objects, place));
    send_to_peer(call, place, message);
}

void od_call_send_message(struct od_call *call, const struct od_call_message *message)
{
    uint32_t worker = od_places_to_ask(call->objects, &message->id);
    if (worker == call->objects->worker)
        od_call_deliver(call, message);
    else
        send_to_peer(call, worker, message);
}

// The client's end of a WebSocket will want to know what it is connected to.
static void note_url(struct od_call *call, od_slice message)
{
    OD_ASSERT(call->url == NULL);
    struct od_request request;
    od_slice upgrade;
    if (od_request_read(message, &request) &&
        od_headers_find(request.headers, OD_SLICE("upgrade"), &upgrade))
        call->url = od_text_copy(request.url);
}

void od_call_send(struct od_call *call, od_slice bytes)
{
    od_call_check(call);
    struct od_call_message message;
    bool is_whole = od_call_read_message(bytes, &message);
    OD_ASSERT(is_whole);
    call->kind = message.kind;
    if (call->from == OD_FROM_TASK && message.kind == OD_CALL_FETCH)
        note_url(call, message.body);
    od_call_send_message(call, &message);
}

void od_call_ask(struct od_objects *objects, uint64_t exchange, struct od_bytes *request)
{
    struct od_call *call = od_call_new(objects, OD_FROM_EXCHANGE, objects->worker, exchange);
    uint64_t id = call->id;
    od_call_route(call, od_bytes_slice(request), request);
    call = od_call_find(objects, id);
    if (call != NULL) // Most are answered by now.
        set_deadline(call);
}

void od_call_refuse(struct od_call *call, const struct od_namespace *namespace)
{
    od_call_check(call);
    char text[OD_NAMESPACE_BYTES_MAX + 128];
    int size =
        snprintf(text, sizeof text, "the namespace '%.*s' is not in version %u of the script",
                 (int)namespace->name.size, namespace->name.at, call->objects->script->version);
    od_call_fail(call, 404, (od_slice){text, (size_t)size});
}

void od_call_cancel(struct od_call *call)
{
    od_call_check(call);
    struct od_link *peer = call->is_remote ? call->objects->peers[call->worker] : NULL;
    if (peer != NULL) {
        size_t mark = od_link_begin(peer, OD_KIND_CALL_CANCEL, -1);
        od_bytes_put_u64(&peer->out, call->id);
        od_link_end(peer, mark);
    }
    OD_ASSERT(call->objects->calls.size > 0);
    struct od_object *object = call->object;
    // It is freed first: what the object's end does must not find it and answer it.
    uint64_t id = call->id;
    od_call_free(call);
    if (object != NULL)
        od_object_cancel(object, id);
}

static struct od_task *task_of(const struct od_call *call)
{
    OD_LIST_EACH (link, &call->object->work->tasks) {
        struct od_task *task = OD_LIST_MEMBER(link, struct od_task, link);
        if (task->event != NULL && task->event->call == call->id)
            return task;
    }
    return NULL;
}

void od_call_asker_left(struct od_call *call)
{
    struct od_link *peer = call->is_remote ? call->objects->peers[call->worker] : NULL;
    call->asker_has_left = true;
    if (peer != NULL) {
        size_t mark = od_link_begin(peer, OD_KIND_CALL_LEFT, -1);
        od_bytes_put_u64(&peer->out, call->id);
        od_link_end(peer, mark);
    }
    struct od_task *task = call->object == NULL ? NULL : task_of(call);
    if (task != NULL)
        od_task_asker_left(task);
}
