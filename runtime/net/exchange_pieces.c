#include "base/log.h"
#include "link/worker_page.h"
#include "net/exchange.h"
#include "net/exchange_inner.h"
#include "net/wire.h"

// An answer in pieces. They are put as they come; what the client's system has taken is told to who
// makes them, so that no more is made than he reads.

static void tell_unwanted(struct od_net *net, uint64_t reader)
{
    net->events->pieces_unwanted(net->owner, reader);
}

// The body as it is now must not be taken for a whole one. With chunks or a length the end of the
// connection says so, and what was put still goes out; else only a reset does.
static void cut(struct od_exchange *exchange)
{
    if (exchange->pieces.framing == OD_HTTP_TO_THE_END)
        od_wire_reset(exchange->wire);
    else
        od_wire_close(exchange->wire);
    od_exchange_free(exchange);
}

static void give_up(struct od_exchange *exchange)
{
    struct od_net *net = exchange->net;
    uint64_t reader = exchange->reader;
    cut(exchange);
    tell_unwanted(net, reader);
}

static bool put_head(struct od_exchange *exchange, od_slice message, struct od_error *err)
{
    struct od_response response;
    if (!od_response_read(message, &response))
        return od_error_set(err, "the answer is no response");
    od_exchange_count_answer(exchange->net, response.status);
    return od_http_pieces_begin(&exchange->pieces, od_wire_out(exchange->wire), &response,
                                exchange->manner, od_clock_wall_ms(), err);
}

static void refuse(struct od_exchange *exchange, const char *why)
{
    struct od_net *net = exchange->net;
    uint64_t reader = exchange->reader;
    struct od_http_fault fault = {500, "The server's answer cannot be sent"};
    od_log(OD_LOG_ERROR, NULL, "a response cannot be sent: %s", why);
    od_http_answer_put_fault(od_wire_out(exchange->wire), fault, exchange->manner,
                             od_clock_wall_ms());
    od_exchange_answered(exchange);
    tell_unwanted(net, reader);
}

// While he takes nothing he has time, as for any other answer.
static void watch(struct od_exchange *exchange)
{
    if (od_timer_is_set(&exchange->deadline))
        return;
    exchange->taken_bytes = od_wire_taken_bytes(exchange->wire);
    od_exchange_set_deadline(exchange, exchange->net->limits.idle_ms);
}

void od_exchange_answer_begin(struct od_exchange *exchange, od_slice response, uint64_t reader)
{
    OD_ASSERT(exchange->phase == PHASE_ANSWER);
    struct od_error err;
    struct od_net *net = exchange->net;
    exchange->reader = reader;
    od_exchange_decide_end(exchange);
    if (!put_head(exchange, response, &err)) {
        refuse(exchange, err.text);
        return;
    }
    if (exchange->pieces.framing == OD_HTTP_NO_BODY) {
        od_exchange_answered(exchange);
        tell_unwanted(net, reader);
        return;
    }
    exchange->manner.keeps_alive &= exchange->pieces.framing != OD_HTTP_TO_THE_END;
    exchange->phase = PHASE_PIECES;
    exchange->owed_bytes = 0;
    exchange->looks_later = false;
    od_exchange_forget_request(exchange);
    od_wire_show(exchange->wire); // Until the head has left, the request is one without an answer.
    od_wire_mark(exchange->wire, OD_PAGE_PIECES, 0);
    if (exchange->wire->has_ended)
        watch(exchange);
}

static void pay(struct od_exchange *exchange)
{
    struct od_net *net = exchange->net;
    size_t size = exchange->owed_bytes;
    exchange->owed_bytes = 0;
    if (size > 0)
        net->events->pieces_taken(net->owner, exchange->reader, size);
}

// More may come in this round of the loop; it leaves with one system call, and what the kernel does
// not take is seen in the next.
static void look_later(struct od_exchange *exchange)
{
    if (exchange->looks_later)
        return;
    exchange->looks_later = true;
    od_exchange_set_deadline(exchange, 0);
}

void od_exchange_answer_piece(struct od_exchange *exchange, od_slice bytes)
{
    OD_ASSERT(exchange->phase == PHASE_PIECES);
    struct od_wire *wire = exchange->wire;
    if (!od_wire_can_hold(wire, bytes.size) ||
        !od_http_pieces_put(&exchange->pieces, od_wire_out(wire), bytes)) {
        give_up(exchange);
        return;
    }
    od_wire_count(wire);
    exchange->owed_bytes += bytes.size;
    if (od_exchange_is_crowded(exchange))
        look_later(exchange);
    else
        pay(exchange);
}

void od_exchange_answer_end(struct od_exchange *exchange, bool is_whole)
{
    OD_ASSERT(exchange->phase == PHASE_PIECES);
    od_loop_clear_timer(exchange->net->loop, &exchange->deadline);
    if (is_whole && od_http_pieces_put_end(&exchange->pieces, od_wire_out(exchange->wire)))
        od_exchange_answered(exchange);
    else
        cut(exchange);
}

void od_exchange_pieces_sent(struct od_exchange *exchange)
{
    if (!exchange->wire->has_ended && !exchange->looks_later)
        od_loop_clear_timer(exchange->net->loop, &exchange->deadline);
    pay(exchange);
}

// Who ends his half while he gets an answer has mostly left. Who had done so before it began gets
// it all the same (exchange.h); should he be gone, what is sent to him tells, or that there is
// nothing to send for long.
void od_exchange_pieces_half_ended(struct od_exchange *exchange)
{
    give_up(exchange);
}

static void look(struct od_exchange *exchange)
{
    exchange->looks_later = false;
    od_wire_send_now(exchange->wire);
    bool is_crowded = od_exchange_is_crowded(exchange);
    if (is_crowded || exchange->wire->has_ended)
        watch(exchange);
    if (!is_crowded)
        pay(exchange);
}

void od_exchange_pieces_deadline(struct od_exchange *exchange)
{
    if (exchange->looks_later)
        look(exchange);
    else if (od_wire_taken_bytes(exchange->wire) == exchange->taken_bytes)
        give_up(exchange);
    else if (exchange->owed_bytes > 0 || exchange->wire->has_ended)
        watch(exchange);
}
