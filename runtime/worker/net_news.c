#include "worker/net_news.h"

#include "object/call.h"
#include "object/nodes/edge.h"
#include "object/outgoing.h"
#include "object/remote.h"
#include "object/sink.h"
#include "object/socket.h"
#include "object/stream.h"
#include "object/wish.h"
#include "worker/main_messages.h"
#include "worker/worker_inner.h"

static void on_request(void *owner, uint64_t exchange, struct od_bytes *request)
{
    struct od_worker *worker = owner;
    if (worker->objects.is_leaving)
        return; // It is not begun, and the next worker gets it.
    od_call_ask(&worker->objects, exchange, request);
}

static uint64_t on_wants_pieces(void *owner, uint64_t exchange, od_slice request, uint32_t *worker)
{
    struct od_objects *objects = &((struct od_worker *)owner)->objects;
    if (!od_call_wants_pieces(objects, request))
        return 0;
    *worker = objects->worker;
    return od_stream_new_of_exchange(objects, exchange)->id;
}

// The handler runs on: an object is not to be stopped in the middle by a client that leaves. It may
// want to know.
static void on_request_left(void *owner, uint64_t exchange)
{
    struct od_objects *objects = &((struct od_worker *)owner)->objects;
    struct od_call *call = od_call_find_from(objects, objects->worker, exchange);
    if (call != NULL)
        od_call_asker_left(call);
}

static void on_pieces_taken(void *owner, uint64_t reader, size_t size)
{
    od_sink_taken(&((struct od_worker *)owner)->objects, reader, size);
}

static void on_pieces_unwanted(void *owner, uint64_t reader)
{
    od_sink_unwanted(&((struct od_worker *)owner)->objects, reader);
}

static void on_message(void *owner, void *holder, od_slice payload, struct od_bytes *memory,
                       bool is_binary)
{
    struct od_socket *socket = holder;
    (void)owner;
    if (socket->is_listed)
        od_socket_message(socket, payload, memory, is_binary);
}

static void on_relayed(void *owner, void *holder, od_slice payload, bool is_binary)
{
    (void)owner;
    od_edge_message(holder, payload, is_binary);
}

static void on_pong(void *owner, void *holder, bool is_relay, od_slice payload)
{
    (void)owner;
    if (is_relay)
        od_edge_pong(holder, payload);
    else
        od_remote_marked(holder, payload);
}

static void on_closed(void *owner, void *holder, bool is_relay, uint16_t code, od_slice reason,
                      bool was_clean)
{
    (void)owner;
    if (is_relay)
        od_edge_closed(holder, code, reason, was_clean);
    else
        od_socket_closed(holder, code, reason, was_clean);
}

static void on_failed(void *owner, void *holder, bool is_relay, od_slice why)
{
    (void)owner;
    if (is_relay)
        od_edge_closed(holder, 1006, why, false);
    else
        od_socket_failed(holder, why);
}

OD_SELDOM static void note_rest(struct od_worker *worker, const struct od_socket *socket)
{
    od_remote_rests(od_socket_find(&worker->objects, socket->id));
}

static bool on_is_at_rest(void *owner, const void *holder)
{
    const struct od_socket *socket = holder;
    bool is_at_rest = socket->is_listed && od_socket_is_at_rest(socket);
    if (is_at_rest && socket->remote != NULL)
        note_rest(owner, socket);
    return is_at_rest;
}

static void on_left(void *owner, uint32_t place)
{
    od_main_messages_connection_left(owner, place);
}

static void on_fetched(void *owner, uint64_t fetch, bool ok, od_slice bytes)
{
    struct od_worker *worker = owner;
    od_meters_count(&worker->page->meters, ok ? OD_METER_fetchesOk : OD_METER_fetchesFailed, 1);
    od_outgoing_end(&worker->objects, fetch, ok, bytes);
}

static void on_stream_piece(void *owner, uint64_t stream, od_slice piece)
{
    struct od_stream *found = od_stream_find(&((struct od_worker *)owner)->objects, stream);
    if (found != NULL)
        od_stream_send(found, piece);
}

static void on_stream_ended(void *owner, uint64_t stream, bool is_whole)
{
    struct od_stream *found = od_stream_find(&((struct od_worker *)owner)->objects, stream);
    if (found != NULL && is_whole)
        od_stream_send_end(found);
    else if (found != NULL)
        od_stream_break(found);
}

static void on_dialled(void *owner, uint64_t number, int fd, od_slice bytes)
{
    od_wish_dialled(&((struct od_worker *)owner)->objects, number, fd, bytes);
}

static void on_connection_over(void *owner, uint64_t number)
{
    struct od_link *link = &((struct od_worker *)owner)->main;
    size_t mark = od_link_begin(link, OD_KIND_CONNECTION_OVER, -1);
    od_bytes_put_u64(&link->out, number);
    od_link_end(link, mark);
}

const struct od_net_events od_net_news_events = {.request = on_request,
                                                 .wants_pieces = on_wants_pieces,
                                                 .stream_piece = on_stream_piece,
                                                 .stream_ended = on_stream_ended,
                                                 .request_left = on_request_left,
                                                 .pieces_taken = on_pieces_taken,
                                                 .pieces_unwanted = on_pieces_unwanted,
                                                 .message = on_message,
                                                 .relayed = on_relayed,
                                                 .pong = on_pong,
                                                 .closed = on_closed,
                                                 .failed = on_failed,
                                                 .is_at_rest = on_is_at_rest,
                                                 .left = on_left,
                                                 .fetched = on_fetched,
                                                 .dialled = on_dialled,
                                                 .connection_over = on_connection_over};
