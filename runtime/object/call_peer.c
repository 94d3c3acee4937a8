#include "object/call.h"

#include <stdlib.h>

#include "base/log.h"
#include "link/commands.h"
#include "link/invocation.h"
#include "link/request.h"
#include "link/response.h"
#include "object/call_inner.h"
#include "object/call_sent.h"
#include "object/inspector.h"
#include "object/names/label.h"

static bool can_read_body(const struct od_objects *objects, const struct od_call_message *message)
{
    struct od_request request;
    struct od_invocation invocation;
    struct od_cursor cursor = od_cursor_of(message->body);
    if (message->kind == OD_CALL_LIST)
        return od_places_are_workers(objects, od_cursor_u32(&cursor)) && !cursor.failed;
    return message->kind == OD_CALL_FETCH ? od_request_read(message->body, &request) &&
                                                od_places_are_workers(objects, request.worker)
                                          : od_invocation_read(message->body, &invocation);
}

// Its slot has gone, or is not here yet: who asks finds out where it is, and asks there.
static void refuse_elsewhere(struct od_call *call)
{
    OD_ASSERT(call->objects->places.is_cluster);
    od_call_fail_flagged(call, OD_FAILURE_RETRYABLE | OD_FAILURE_ELSEWHERE,
                         OD_SLICE("the object is at another node"));
}

// Whoever has changed something here leaves a line here, too; the asker stands in his node's log.
static void note_command(const struct od_call_message *message)
{
    struct od_invocation invocation;
    bool is_whole = od_invocation_read(message->body, &invocation);
    OD_ASSERT(is_whole);
    if (od_command_effect(invocation.method) == OD_COMMAND_LOOKS || !od_log_is_on(OD_LOG_INFO))
        return;
    char *label =
        od_label_new(message->namespace_name, &message->id, message->has_name, message->name);
    od_log(OD_LOG_INFO, label, "%.*s, asked for by an operator at another node",
           (int)invocation.method.size, invocation.method.at);
    free(label);
}

static void deliver_here(struct od_call *call, const struct od_call_message *message)
{
    if (call->kind == OD_CALL_COMMAND && od_places_are_far(call->objects, call->origin_worker))
        note_command(message);
    od_call_deliver(call, message);
}

static void take_list(struct od_call *call, const struct od_call_message *message)
{
    OD_ASSERT(call->kind == OD_CALL_LIST);
    const struct od_objects *objects = call->objects;
    struct od_cursor cursor = od_cursor_of(message->body);
    uint32_t place = od_cursor_u32(&cursor);
    bool is_of_main = call->origin_worker == objects->worker_count;
    if (place == objects->worker)
        objects->inspector->list(call, od_cursor_rest(&cursor));
    else if (is_of_main && od_places_are_far(objects, place))
        od_call_send_far(call, place, message);
    else
        od_call_fail(call, 500, OD_SLICE("that list is of another worker"));
}

void od_call_receive(struct od_objects *objects, uint32_t worker, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t number = od_cursor_u64(&cursor);
    od_slice whole = od_cursor_rest(&cursor);
    struct od_call_message message;
    if (!od_call_read_message(whole, &message) || !can_read_body(objects, &message)) {
        od_log(OD_LOG_ERROR, NULL, "worker %u sent a call that cannot be read", worker);
        return;
    }
    struct od_call *call = od_call_new(objects, OD_FROM_PEER, worker, number);
    call->kind = message.kind;
    if (message.kind == OD_CALL_LIST)
        take_list(call, &message);
    else if (od_places_to_ask(objects, &message.id) == objects->worker)
        deliver_here(call, &message);
    else if (worker == objects->worker_count) // Main asks for an operator, wherever the object is.
        od_call_send(call, whole);
    else
        refuse_elsewhere(call);
}

static bool can_be_sent(uint16_t status)
{
    return status == 101 || (status >= 200 && status <= 599);
}

// A 101 names a worker and a socket in it, and nothing else does.
static bool read_response(const struct od_objects *objects, od_slice bytes,
                          struct od_response *response)
{
    return od_response_read(bytes, response) && can_be_sent(response->status) &&
           od_places_are_workers(objects, response->worker) &&
           (response->socket != 0 && !response->is_events) == (response->status == 101);
}

// Nobody waits for this reply any more, so a socket that it brought is closed.
static void drop_reply(struct od_objects *objects, enum od_call_outcome outcome, od_slice bytes)
{
    struct od_response response;
    if (outcome == OD_OUTCOME_RESPONSE && read_response(objects, bytes, &response))
        od_call_lose_parts(objects, &response);
}

static void accept_failure(struct od_call *call, struct od_failure *failure)
{
    bool is_elsewhere = (failure->flags & OD_FAILURE_ELSEWHERE) != 0;
    failure->flags &= (uint8_t)~OD_FAILURE_ELSEWHERE;
    // Also of a neighbour here, who may hear of a slot before this worker does.
    if (is_elsewhere && call->objects->places.is_cluster)
        od_call_sent_elsewhere(call);
    else
        od_call_fail_with(call, is_elsewhere ? 503 : 500, failure);
}

static void accept_reply(struct od_call *call, enum od_call_outcome outcome, od_slice bytes)
{
    struct od_response response;
    struct od_failure failure;
    if (outcome == OD_OUTCOME_FAILURE && od_failure_read(bytes, &failure))
        accept_failure(call, &failure);
    else if (outcome == OD_OUTCOME_RESULTS && call->kind != OD_CALL_FETCH)
        od_call_answer(call, bytes);
    else if (outcome == OD_OUTCOME_RESPONSE && call->kind == OD_CALL_FETCH &&
             read_response(call->objects, bytes, &response))
        od_call_answer(call, bytes);
    else
        od_call_fail(call, 500, OD_SLICE("the answer of the object cannot be read"));
}

void od_call_receive_reply(struct od_objects *objects, uint32_t worker, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t id = od_cursor_u64(&cursor);
    enum od_call_outcome outcome = od_cursor_u8(&cursor);
    od_slice rest = od_cursor_rest(&cursor);
    struct od_call *call = od_call_find(objects, id);
    if (call == NULL || !call->is_remote || call->worker != worker)
        drop_reply(objects, outcome, rest);
    else
        accept_reply(call, outcome, rest);
}

void od_call_receive_cancel(struct od_objects *objects, uint32_t worker, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct od_call *call = od_call_find_from(objects, worker, od_cursor_u64(&cursor));
    if (call != NULL)
        od_call_cancel(call);
}

void od_call_receive_left(struct od_objects *objects, uint32_t worker, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct od_call *call = od_call_find_from(objects, worker, od_cursor_u64(&cursor));
    if (call != NULL)
        od_call_asker_left(call);
}
