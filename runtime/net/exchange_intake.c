#include <stdlib.h>

#include "link/request.h"
#include "link/worker_page.h"
#include "net/exchange.h"
#include "net/exchange_inner.h"
#include "net/wire.h"

// The body of a request that is read while the request is handled already. What nobody has taken of
// it is bounded: then the wire is not read, and TCP slows the client down.

struct od_exchange_intake {
    struct od_exchange *exchange;
    uint64_t stream; // What it is, to who takes it.
    struct od_http_body body;
    size_t going_bytes;    // Told and not taken.
    bool is_unwanted;      // It is read into the void.
    bool is_paused;        // Not read.
    struct od_timer timer; // From one piece to the next.
};

static bool has_body(const struct od_http_head *head)
{
    return (head->is_chunked || head->content_length > 0) && !head->wants_websocket;
}

static void end(struct od_exchange *exchange, bool is_whole)
{
    struct od_net *net = exchange->net;
    struct od_exchange_intake *intake = exchange->intake;
    uint64_t stream = intake->stream;
    OD_ASSERT(intake->exchange == exchange);
    OD_ASSERT(stream != 0);
    exchange->intake = NULL;
    od_loop_clear_timer(net->loop, &intake->timer);
    free(intake);
    net->events->stream_ended(net->owner, stream, is_whole);
}

// Nobody knows where the next request would begin.
void od_exchange_intake_cut(struct od_exchange *exchange)
{
    if (exchange->intake == NULL)
        return;
    exchange->manner.keeps_alive = false;
    end(exchange, false);
}

static void on_timer(struct od_timer *timer)
{
    od_exchange_intake_cut(OD_TIMER_MEMBER(timer, struct od_exchange_intake, timer)->exchange);
}

bool od_exchange_intake_begin(struct od_exchange *exchange)
{
    OD_ASSERT(exchange->intake == NULL);
    exchange->body_has_moved = false;
    uint32_t worker;
    struct od_net *net = exchange->net;
    uint64_t stream = !has_body(&exchange->head)
                          ? 0
                          : net->events->wants_pieces(net->owner, exchange->number,
                                                      od_bytes_slice(&exchange->request), &worker);
    if (stream == 0)
        return false;
    struct od_exchange_intake *intake = od_allocate_zeroed(sizeof *intake);
    intake->exchange = exchange;
    intake->stream = stream;
    intake->timer.fire = on_timer;
    od_http_body_init(&intake->body, &exchange->head, SIZE_MAX);
    od_request_set_stream(&exchange->request, worker, stream);
    exchange->intake = intake;
    return true;
}

static void await_more(struct od_exchange *exchange)
{
    struct od_exchange_intake *intake = exchange->intake;
    struct od_net *net = exchange->net;
    intake->is_paused = intake->going_bytes >= OD_NET_BODY_WINDOW_BYTES;
    (intake->is_paused ? od_wire_pause : od_wire_resume)(exchange->wire);
    if (intake->is_paused)
        od_loop_clear_timer(net->loop, &intake->timer);
    else
        od_loop_set_timer(net->loop, &intake->timer, net->limits.body_ms);
}

static void tell_piece(struct od_exchange *exchange, od_slice piece)
{
    struct od_exchange_intake *intake = exchange->intake;
    struct od_net *net = exchange->net;
    if (piece.size == 0 || intake->is_unwanted)
        return;
    intake->going_bytes += piece.size;
    net->events->stream_piece(net->owner, intake->stream, piece);
}

// The body belongs to a request that has begun, so what is behind it is all that main has to know.
// Before, main lacks a part of the request, which is shown already.
static void show_rest(const struct od_exchange *exchange, od_slice rest)
{
    if (exchange->has_begun && rest.size > 0)
        od_exchange_show_read(exchange, rest);
    else if (exchange->has_begun)
        od_wire_mark(exchange->wire, 0, OD_PAGE_BUSY);
}

void od_exchange_intake_read(struct od_exchange *exchange, od_slice bytes)
{
    OD_ASSERT(exchange->intake != NULL);
    const struct od_net *net = exchange->net;
    uint64_t number = exchange->number;
    size_t consumed;
    struct od_bytes piece = {0};
    enum od_http_outcome outcome =
        od_http_body_decode(&exchange->intake->body, bytes, &consumed, &piece);
    tell_piece(exchange, od_bytes_slice(&piece));
    od_bytes_deinit(&piece);
    if (od_net_exchange(net, number) == NULL || exchange->intake == NULL)
        return; // Where the piece went on to, it ended this.
    od_slice rest = od_slice_from(bytes, consumed);
    if (outcome == OD_HTTP_BAD) {
        od_exchange_intake_cut(exchange);
    } else if (outcome == OD_HTTP_MORE) {
        await_more(exchange);
    } else {
        od_bytes_put_slice(&exchange->in, rest);
        show_rest(exchange, rest);
        od_wire_await(exchange->wire, false);
        (rest.size > 0 ? od_wire_pause : od_wire_resume)(exchange->wire);
        end(exchange, true);
    }
}

void od_exchange_body_taken(struct od_exchange *exchange, size_t size)
{
    struct od_exchange_intake *intake = exchange->intake;
    exchange->body_has_moved = true;
    if (intake == NULL)
        return;
    intake->going_bytes -= size < intake->going_bytes ? size : intake->going_bytes;
    if (intake->is_paused && intake->going_bytes < OD_NET_BODY_WINDOW_BYTES / 2)
        await_more(exchange);
}

void od_exchange_body_unwanted(struct od_exchange *exchange)
{
    struct od_exchange_intake *intake = exchange->intake;
    if (intake == NULL)
        return;
    intake->is_unwanted = true;
    intake->going_bytes = 0;
    await_more(exchange);
}

// Also when it came to its end meanwhile.
bool od_exchange_body_moves(struct od_exchange *exchange)
{
    bool moves = exchange->body_has_moved;
    exchange->body_has_moved = false;
    return moves;
}
