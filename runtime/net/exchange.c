#include "net/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "codec/http_answer.h"
#include "codec/newcomer.h"
#include "link/meters.h"
#include "link/worker_page.h"
#include "net/exchange_inner.h"
#include "net/wire.h"

static const struct od_http_manner manner_of_fault = {.version_minor = 1};

void od_exchange_check(const struct od_exchange *exchange)
{
    OD_ASSERT(exchange->wire->owner == exchange);
    OD_ASSERT(exchange->phase <= PHASE_NEXT);
    OD_ASSERT(!exchange->awaits_room || exchange->phase == PHASE_NEXT);
    OD_ASSERT(exchange->coming_bytes <= exchange->net->coming_bytes);
    OD_ASSERT(exchange->phase != PHASE_ANSWER || !od_timer_is_set(&exchange->deadline));
}

void od_exchange_set_deadline(struct od_exchange *exchange, od_time_ms delay_ms)
{
    od_loop_set_timer(exchange->net->loop, &exchange->deadline, delay_ms);
}

bool od_exchange_count_coming(struct od_exchange *exchange, size_t size)
{
    OD_ASSERT(exchange->coming_bytes <= exchange->net->coming_bytes);
    struct od_net *net = exchange->net;
    net->coming_bytes += size - exchange->coming_bytes;
    exchange->coming_bytes = size;
    return size <= OD_NET_SMALL_BYTES || net->coming_bytes <= OD_NET_COMING_BYTES_MAX;
}

void od_exchange_forget_request(struct od_exchange *exchange)
{
    (void)od_exchange_count_coming(exchange, 0);
    if (exchange->has_handshake)
        od_handshake_deinit(&exchange->handshake);
    exchange->has_handshake = false;
    od_spares_give(&exchange->net->spare_bytes, &exchange->request);
    od_spares_give(&exchange->net->spare_bytes, &exchange->url);
}

// Its wire has ended, was closed or was given away.
void od_exchange_free(struct od_exchange *exchange)
{
    // First of all: a body that is passed on as the answer ends that, of which nothing is left.
    od_map_remove(&exchange->net->exchanges, &exchange->node);
    od_exchange_intake_cut(exchange);
    od_loop_clear_timer(exchange->net->loop, &exchange->deadline);
    od_exchange_forget_request(exchange);
    od_unbegun_drop(&exchange->net->unbegun, exchange->place);
    od_bytes_deinit(&exchange->tls);
    od_spares_give(&exchange->net->spare_bytes, &exchange->in);
    free(exchange);
}

void od_exchange_close(struct od_exchange *exchange)
{
    od_exchange_check(exchange);
    od_wire_close(exchange->wire);
    od_exchange_free(exchange);
}

void od_exchange_refuse(struct od_exchange *exchange, struct od_http_fault fault)
{
    od_exchange_check(exchange);
    od_http_answer_put_fault(od_wire_out(exchange->wire), fault, manner_of_fault,
                             od_clock_wall_ms());
    od_meters_count(exchange->net->meters, OD_METER_refusals, 1);
    od_wire_show(exchange->wire);
    od_exchange_close(exchange);
}

bool od_exchange_is_crowded(const struct od_exchange *exchange)
{
    return od_wire_waiting_bytes(exchange->wire) > exchange->net->limits.answer_queue_bytes_max ||
           od_wire_sends_file(exchange->wire);
}

void od_exchange_await_turn(struct od_exchange *exchange)
{
    od_exchange_check(exchange);
    exchange->phase = PHASE_NEXT;
    od_exchange_set_deadline(exchange, 0);
}

static void on_stirs(void *owner)
{
    const struct od_exchange *exchange = owner;
    od_wire_mark(exchange->wire, OD_PAGE_BUSY, 0);
}

void od_exchange_show_read(const struct od_exchange *exchange, od_slice bytes)
{
    if (od_unbegun_put(&exchange->net->unbegun, exchange->place, bytes))
        od_wire_mark(exchange->wire, 0, OD_PAGE_BUSY);
}

// Of what comes behind a request that is being answered, one read is taken, so that a client that
// leaves is noticed; the rest waits in the kernel.
static void on_bytes(void *owner, char *at, size_t size)
{
    struct od_exchange *exchange = owner;
    od_exchange_check(exchange);
    if (exchange->intake != NULL) {
        od_exchange_intake_read(exchange, (od_slice){at, size});
        return;
    }
    bool is_first = exchange->phase == PHASE_HEAD && exchange->in.size == 0;
    od_spares_take(&exchange->net->spare_bytes, &exchange->in);
    od_bytes_put(&exchange->in, at, size);
    od_exchange_show_read(exchange, (od_slice){at, size});
    if (exchange->phase > PHASE_BODY || (is_first && od_exchange_is_crowded(exchange)))
        od_wire_pause(exchange->wire);
    if (exchange->phase > PHASE_BODY)
        return;
    if (is_first) // That of a head begins if this is not all of it.
        od_loop_clear_timer(exchange->net->loop, &exchange->deadline);
    if (exchange->wire->is_paused)
        od_exchange_await_turn(exchange);
    else
        od_exchange_read_on(exchange);
}

static void on_sent(void *owner)
{
    struct od_exchange *exchange = owner;
    if (exchange->phase == PHASE_NEXT && exchange->awaits_room)
        od_exchange_set_deadline(exchange, 0);
    else if (exchange->phase == PHASE_PIECES)
        od_exchange_pieces_sent(exchange);
}

// RFC 9112, 9.6: who sends nothing more may still read, and gets the answers to what he has asked.
static void on_half_ended(void *owner)
{
    struct od_exchange *exchange = owner;
    OD_ASSERT(exchange->wire->has_ended);
    struct od_net *net = exchange->net;
    uint64_t number = exchange->number;
    od_exchange_intake_cut(exchange);
    if (od_net_exchange(net, number) == NULL) // Its body was the answer, which is cut with it.
        return;
    if (exchange->phase <= PHASE_BODY)
        od_exchange_await_more(exchange);
    else if (exchange->phase == PHASE_ANSWER)
        exchange->net->events->request_left(exchange->net->owner, exchange->number);
    else if (exchange->phase == PHASE_PIECES)
        od_exchange_pieces_half_ended(exchange);
}

static void on_ended(void *owner)
{
    struct od_exchange *exchange = owner;
    struct od_net *net = exchange->net;
    uint64_t number = exchange->number;
    enum phase phase = exchange->phase;
    uint64_t reader = exchange->reader;
    od_exchange_free(exchange);
    if (phase == PHASE_ANSWER)
        net->events->request_left(net->owner, number);
    else if (phase == PHASE_PIECES)
        net->events->pieces_unwanted(net->owner, reader);
}

static const struct od_wire_protocol protocol = {on_stirs, on_sent, on_bytes, on_half_ended,
                                                 on_ended};

// Deadlines.

void od_exchange_expect_head(struct od_exchange *exchange)
{
    exchange->phase = PHASE_HEAD;
    od_http_head_init(&exchange->head);
}

static void on_head_deadline(struct od_exchange *exchange)
{
    OD_ASSERT(exchange->phase == PHASE_HEAD);
    if (exchange->in.size == 0)
        od_exchange_close(exchange);
    else
        od_exchange_refuse(exchange,
                           (struct od_http_fault){408, "the request was not sent in time"});
}

static void on_body_deadline(struct od_exchange *exchange)
{
    OD_ASSERT(exchange->phase == PHASE_BODY);
    od_exchange_refuse(exchange, (struct od_http_fault){408, "the body was not sent in time"});
}

// The client has time to take what waits for him, as long as he takes any of it.
static void await_room(struct od_exchange *exchange)
{
    OD_ASSERT(exchange->phase == PHASE_NEXT);
    uint32_t taken_bytes = od_wire_taken_bytes(exchange->wire);
    if (exchange->awaits_room && taken_bytes == exchange->taken_bytes) {
        od_exchange_close(exchange);
        return;
    }
    exchange->awaits_room = true;
    exchange->taken_bytes = taken_bytes;
    od_exchange_set_deadline(exchange, exchange->net->limits.idle_ms);
}

static void on_next(struct od_exchange *exchange)
{
    OD_ASSERT(exchange->phase == PHASE_NEXT);
    od_wire_send_now(exchange->wire);
    if (od_exchange_is_crowded(exchange)) {
        await_room(exchange);
        return;
    }
    exchange->awaits_room = false;
    od_exchange_expect_head(exchange);
    od_exchange_read_on(exchange);
}

static void on_deadline(struct od_timer *timer)
{
    static void (*const deadlines[])(struct od_exchange *) = {[PHASE_HEAD] = on_head_deadline,
                                                              [PHASE_BODY] = on_body_deadline,
                                                              [PHASE_PIECES] =
                                                                  od_exchange_pieces_deadline,
                                                              [PHASE_NEXT] = on_next};
    struct od_exchange *exchange = OD_TIMER_MEMBER(timer, struct od_exchange, deadline);
    OD_ASSERT(exchange->phase != PHASE_ANSWER);
    deadlines[exchange->phase](exchange);
}

// Birth.

struct od_exchange *od_net_exchange(const struct od_net *net, uint64_t number)
{
    struct od_map_node *node = od_map_find_number(&net->exchanges, number);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_exchange, node);
}

bool od_exchange_adopt(struct od_net *net, int fd, const struct od_newcomer *newcomer,
                       struct od_error *err)
{
    uint32_t place = newcomer->place;
    od_slice peer = newcomer->peer;
    struct od_exchange *exchange = od_allocate_zeroed(sizeof *exchange);
    if (!od_wire_adopt(net, fd, &protocol, exchange, &exchange->wire, err)) {
        free(exchange);
        return false;
    }
    if (place != OD_PAGE_NO_PLACE && net->page != NULL)
        od_wire_show_at(exchange->wire, place);
    exchange->net = net;
    exchange->place = place;
    exchange->number = ++net->last_exchange;
    exchange->deadline.fire = on_deadline;
    OD_ASSERT(peer.size < sizeof exchange->peer);
    memcpy(exchange->peer, peer.at, peer.size);
    od_bytes_put_slice(&exchange->tls, newcomer->tls);
    OD_ASSERT(od_net_exchange(net, exchange->number) == NULL);
    od_map_put_number(&net->exchanges, &exchange->node, exchange->number);
    od_exchange_expect_head(exchange);
    od_http_head_take_lines(&exchange->head, &newcomer->lines);
    od_spares_take(&net->spare_bytes, &exchange->in);
    od_bytes_put_slice(&exchange->in, newcomer->bytes);
    od_exchange_read_on(exchange);
    return true;
}

void od_exchange_abort(struct od_exchange *exchange)
{
    od_exchange_check(exchange);
    od_wire_abort(exchange->wire);
    od_exchange_free(exchange);
}

// Nothing is asked and nothing owed: the end need not wait for the client's.
static bool is_idle(const struct od_exchange *exchange)
{
    return exchange->phase == PHASE_HEAD && exchange->in.size == 0 &&
           od_wire_waiting_bytes(exchange->wire) == 0;
}

// What he has asked more was not begun.
static bool is_unread(const struct od_exchange *exchange)
{
    return exchange->phase == PHASE_HEAD ? exchange->in.size == 0 : exchange->awaits_room;
}

void od_exchanges_drain(struct od_net *net)
{
    for (struct od_map_node *node = od_map_next(&net->exchanges, NULL), *next; node != NULL;
         node = next) {
        next = od_map_next(&net->exchanges, node);
        struct od_exchange *exchange = OD_MAP_MEMBER(node, struct od_exchange, node);
        if (is_idle(exchange))
            od_exchange_abort(exchange);
        else if (is_unread(exchange))
            od_exchange_close(exchange);
    }
}
