#include "object/call.h"

#include <unistd.h>

#include "base/log.h"
#include "codec/upgrade_record.h"
#include "link/connection.h"
#include "link/link.h"
#include "link/response.h"
#include "net/exchange.h"
#include "net/net.h"
#include "object/call_inner.h"
#include "object/client_end.h"
#include "object/edge_keeper.h"
#include "object/error_page.h"
#include "object/sink.h"
#include "object/socket.h"

// A 101 cannot be taken any more: the socket's object hears that the peer is gone. Nor can a body.
void od_call_lose_parts(struct od_objects *objects, const struct od_response *response)
{
    if (response->stream != 0)
        od_sink_lose(objects, response);
    if (response->socket == 0)
        return;
    OD_ASSERT(od_places_are_workers(objects, response->worker));
    if (response->worker == objects->worker) {
        od_socket_attach(objects, response->socket, (od_slice){NULL, 0}, -1);
    } else if (objects->peers[response->worker] != NULL) {
        struct od_link *peer = objects->peers[response->worker];
        size_t mark = od_link_begin(peer, OD_KIND_UPGRADE, -1);
        od_bytes_put_u64(&peer->out, response->socket);
        od_link_end(peer, mark);
    }
}

void od_call_lose_response(struct od_objects *objects, od_slice bytes)
{
    struct od_response response;
    if (od_response_read(bytes, &response))
        od_call_lose_parts(objects, &response);
}

// Main hears it before that worker has it: od_link_flush of main's link comes first in a turn.
static void tell_moved(struct od_objects *objects, uint32_t worker, int fd)
{
    if (!objects->net->tells_over)
        return;
    bool is_far = od_places_are_far(objects, worker); // Then nobody here has it.
    size_t mark = od_link_begin(objects->main,
                                is_far ? OD_KIND_CONNECTION_OVER : OD_KIND_CONNECTION_MOVED, -1);
    od_bytes_put_u64(&objects->main->out, od_connection_number(fd));
    if (!is_far)
        od_bytes_put_u32(&objects->main->out, worker);
    od_link_end(objects->main, mark);
}

void od_call_hand_over(struct od_objects *objects, uint32_t worker, uint64_t number,
                       od_slice record, int fd)
{
    OD_ASSERT(od_places_are_workers(objects, worker));
    OD_ASSERT(fd >= 0);
    if (worker == objects->worker) {
        od_socket_attach(objects, number, record, fd);
        return;
    }
    struct od_link *peer = objects->peers[worker];
    if (peer == NULL) {
        od_net_hang_up(objects->net, fd); // Its worker has just died, and the socket with it.
        return;
    }
    tell_moved(objects, worker, fd);
    size_t mark = od_link_begin(peer, OD_KIND_UPGRADE, fd);
    od_bytes_put_u64(&peer->out, number);
    od_bytes_put_slice(&peer->out, record);
    od_link_end(peer, mark);
}

// Either the client did not ask for a WebSocket, or the handler's 101 is not one it can have.
static void refuse_upgrade(struct od_call *call, struct od_exchange *exchange,
                           const struct od_response *response, const char *why)
{
    OD_ASSERT(call->from == OD_FROM_EXCHANGE);
    bool is_asked = od_exchange_wants_websocket(exchange) || response->is_events;
    struct od_bytes refusal = {0};
    od_log(is_asked ? OD_LOG_ERROR : OD_LOG_INFO, call->object == NULL ? NULL : call->object->label,
           "cannot answer with %s: %s", response->is_events ? "an event stream" : "a WebSocket",
           why);
    if (is_asked)
        od_response_put_plain(&refusal, 500, "Internal Server Error\n");
    else
        od_response_put_plain(&refusal, 426, "This needs a WebSocket client\n");
    od_call_log(call, is_asked ? 500 : 426);
    od_exchange_answer(exchange, od_bytes_slice(&refusal));
    od_bytes_deinit(&refusal);
}

// A client of an object of another node stays here; an event stream is one way, and its client
// comes again by itself.
static void hand_over(struct od_objects *objects, uint32_t worker, uint64_t number, od_slice record,
                      int fd)
{
    bool stays = od_places_are_far(objects, worker) && !od_upgrade_record_is_events(record);
    (stays ? objects->edge_keeper->begin : od_call_hand_over)(objects, worker, number, record, fd);
}

// False: it cannot be.
static bool upgrade_here(struct od_call *call, struct od_exchange *exchange, od_slice bytes,
                         const struct od_response *response, struct od_error *err)
{
    struct od_spares *spares = &call->objects->net->spare_bytes;
    struct od_bytes record = {0};
    struct od_wire *wire;
    od_spares_take(spares, &record);
    bool done = od_exchange_become(exchange, bytes, &record, &wire, err);
    if (done) {
        od_call_log(call, response->status);
        od_socket_take(call->objects, response->socket, od_bytes_slice(&record), wire);
    }
    od_spares_give(spares, &record);
    return done;
}

static bool upgrade_there(struct od_call *call, struct od_exchange *exchange, od_slice bytes,
                          const struct od_response *response, struct od_error *err)
{
    struct od_bytes record = {0};
    int fd = -1;
    bool done = od_exchange_upgrade(exchange, bytes, &record, &fd, err);
    if (done) {
        od_call_log(call, response->status);
        hand_over(call->objects, response->worker, response->socket, od_bytes_slice(&record), fd);
    }
    od_bytes_deinit(&record);
    return done;
}

static void upgrade(struct od_call *call, struct od_exchange *exchange, od_slice bytes,
                    const struct od_response *response)
{
    OD_ASSERT(response->socket != 0);
    struct od_error err;
    bool stays = response->worker == call->objects->worker;
    if ((stays ? upgrade_here : upgrade_there)(call, exchange, bytes, response, &err))
        return;
    refuse_upgrade(call, exchange, response, err.text);
    od_call_lose_parts(call->objects, response);
}

static void answer_plainly(struct od_call *call, struct od_exchange *exchange,
                           const struct od_response *response)
{
    od_call_log(call, response->status);
    od_exchange_answer_with(exchange, response);
}

void od_call_answer_as(struct od_call *call, uint16_t status, od_slice response)
{
    struct od_exchange *exchange = od_net_exchange(call->objects->net, call->origin);
    if (exchange != NULL) {
        od_call_log(call, status);
        od_exchange_answer(exchange, response);
    }
    od_call_free(call);
}

void od_call_answer_file(struct od_call *call, uint16_t status, od_slice head, int fd,
                         uint64_t first, uint64_t size)
{
    struct od_exchange *exchange = od_net_exchange(call->objects->net, call->origin);
    if (exchange != NULL) {
        od_call_log(call, status);
        od_exchange_answer_file(exchange, head, fd, first, size);
    } else {
        close(fd);
    }
    od_call_free(call);
}

static void answer_in_pieces(struct od_call *call, struct od_exchange *exchange, od_slice bytes,
                             const struct od_response *response)
{
    od_call_log(call, response->status);
    od_sink_feed(call->objects, exchange, call->origin, bytes, response);
}

static void answer_exchange(struct od_call *call, od_slice bytes)
{
    OD_ASSERT(call->from == OD_FROM_EXCHANGE);
    struct od_response response;
    bool is_whole = od_response_read(bytes, &response);
    OD_ASSERT(is_whole);
    struct od_exchange *exchange = od_net_exchange(call->objects->net, call->origin);
    if (exchange == NULL)
        od_call_lose_parts(call->objects, &response);
    else if (response.socket != 0)
        upgrade(call, exchange, bytes, &response);
    else if (response.stream != 0)
        answer_in_pieces(call, exchange, bytes, &response);
    else
        answer_plainly(call, exchange, &response);
}

// A 101 comes with the client's end of a socket, and a head with a body that is still written: the
// task has it now, or nobody.
static void give_parts(struct od_call *call, struct od_task *task, od_slice bytes)
{
    struct od_response response;
    if (!od_response_read(bytes, &response))
        return;
    if (task == NULL)
        od_call_lose_parts(call->objects, &response);
    else if (response.socket != 0)
        od_client_end_arrive(task, &response, od_slice_of(call->url == NULL ? "" : call->url));
    else if (response.stream != 0)
        (void)od_sink_arrive(task, response.worker, response.stream);
}

static void reply_to_task(struct od_call *call, enum od_call_outcome outcome, od_slice bytes)
{
    OD_ASSERT(call->from == OD_FROM_TASK);
    struct od_task *task = od_task_find(call->objects, call->origin);
    if (outcome == OD_OUTCOME_RESPONSE)
        give_parts(call, task, bytes);
    if (task == NULL)
        return;
    OD_ASSERT(task->waiting_call == call->id);
    task->waiting_call = 0;
    struct od_event *event = od_event_new(OD_EVENT_RESUME, bytes);
    event->ok = outcome != OD_OUTCOME_FAILURE;
    event->task = call->origin;
    od_object_receive(task->object, event);
}

static void reply_to_peer(struct od_call *call, enum od_call_outcome outcome, od_slice bytes)
{
    OD_ASSERT(call->origin_worker < od_places_nowhere(call->objects));
    struct od_link *peer = call->objects->peers[call->origin_worker];
    if (peer == NULL) {
        if (outcome == OD_OUTCOME_RESPONSE)
            od_call_lose_response(call->objects, bytes);
        return;
    }
    size_t mark = od_link_begin(peer, OD_KIND_REPLY, -1);
    od_bytes_put_u64(&peer->out, call->origin);
    od_bytes_put_u8(&peer->out, (uint8_t)outcome);
    od_bytes_put_slice(&peer->out, bytes);
    od_link_end(peer, mark);
}

// To a task or a worker.
static void reply(struct od_call *call, enum od_call_outcome outcome, od_slice bytes)
{
    if (call->from == OD_FROM_TASK)
        reply_to_task(call, outcome, bytes);
    else
        reply_to_peer(call, outcome, bytes);
}

void od_call_answer(struct od_call *call, od_slice answer)
{
    od_call_check(call);
    static const enum od_call_outcome outcomes[OD_CALL_KINDS] = {
        [OD_CALL_FETCH] = OD_OUTCOME_RESPONSE,
        [OD_CALL_METHOD] = OD_OUTCOME_RESULTS,
        [OD_CALL_COMMAND] = OD_OUTCOME_RESULTS,
        [OD_CALL_LIST] = OD_OUTCOME_RESULTS};
    if (call->from == OD_FROM_EXCHANGE)
        answer_exchange(call, answer);
    else
        reply(call, outcomes[call->kind], answer);
    od_call_free(call);
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

static void fail_exchange(struct od_call *call, uint16_t status)
{
    OD_ASSERT(call->from == OD_FROM_EXCHANGE);
    struct od_bytes response = {0};
    if (call->report != NULL && status == 500)
        od_error_page_put(&response, od_slice_of(call->report));
    else
        od_response_put_plain(&response, status, standard_words(status));
    answer_exchange(call, od_bytes_slice(&response));
    od_bytes_deinit(&response);
}

static void reply_failure(struct od_call *call, const struct od_failure *failure)
{
    struct od_failure named = *failure;
    if (named.id.size == 0 && call->object != NULL && !od_object_is_entry(call->object))
        named.id = (od_slice){(const char *)call->object->identity.id, OD_ID_BYTES};
    struct od_bytes record = {0};
    od_failure_put(&record, &named);
    reply(call, OD_OUTCOME_FAILURE, od_bytes_slice(&record));
    od_bytes_deinit(&record);
}

void od_call_fail_with(struct od_call *call, uint16_t status, const struct od_failure *failure)
{
    od_call_check(call);
    if (call->from == OD_FROM_EXCHANGE)
        fail_exchange(call, status);
    else
        reply_failure(call, failure);
    od_call_free(call);
}

void od_call_fail(struct od_call *call, uint16_t status, od_slice why)
{
    od_call_fail_with(call, status, &(struct od_failure){.message = why});
}
