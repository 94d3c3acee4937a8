#include <unistd.h>

#include "base/log.h"
#include "codec/event_stream.h"
#include "codec/http_answer.h"
#include "codec/upgrade_record.h"
#include "link/meters.h"
#include "link/response.h"
#include "link/worker_page.h"
#include "net/exchange.h"
#include "net/exchange_inner.h"
#include "net/wire.h"

static void expect_next(struct od_exchange *exchange)
{
    OD_ASSERT(exchange->manner.keeps_alive);
    od_exchange_forget_request(exchange);
    exchange->has_begun = false;
    od_exchange_expect_head(exchange);
    od_exchange_set_deadline(exchange, exchange->net->limits.idle_ms);
    if (exchange->in.size == 0)
        od_spares_give(&exchange->net->spare_bytes, &exchange->in);
    else
        od_exchange_await_turn(exchange);
}

void od_exchange_count_answer(const struct od_net *net, uint16_t status)
{
    od_meters_count(net->meters, (enum od_meter)(OD_METER_answers1 + status / 100 - 1), 1);
}

static bool put_answer(struct od_exchange *exchange, const struct od_response *response,
                       struct od_error *err)
{
    od_exchange_count_answer(exchange->net, response->status);
    return od_http_answer_put(od_wire_out(exchange->wire), response, exchange->manner,
                              od_clock_wall_ms(), err);
}

// What was read behind the request that waits is of requests that have not begun, as before.
void od_exchange_begun(struct od_exchange *exchange)
{
    od_exchange_check(exchange);
    struct od_unbegun *unbegun = &exchange->net->unbegun;
    if (exchange->has_begun)
        return;
    exchange->has_begun = true;
    od_wire_mark(exchange->wire, OD_PAGE_BEGUN | OD_PAGE_BUSY, 0);
    od_unbegun_drop(unbegun, exchange->place);
    if (od_unbegun_put(unbegun, exchange->place, od_bytes_slice(&exchange->in)))
        od_wire_mark(exchange->wire, 0, OD_PAGE_BUSY);
    if (exchange->intake != NULL)
        od_wire_await(exchange->wire, true);
}

bool od_exchange_has_begun(const struct od_exchange *exchange)
{
    return exchange->has_begun;
}

// The answer is shown to be on its way before the request is shown to be over.
static void show_answered(struct od_exchange *exchange)
{
    od_exchange_begun(exchange); // Also one that was refused without a handler.
    od_wire_show(exchange->wire);
    od_wire_mark(exchange->wire, OD_PAGE_ANSWERED, OD_PAGE_BEGUN | OD_PAGE_WHOLE | OD_PAGE_PIECES);
}

void od_exchange_answered(struct od_exchange *exchange)
{
    od_wire_count(exchange->wire);
    show_answered(exchange);
    if (exchange->manner.keeps_alive)
        expect_next(exchange);
    else
        od_exchange_close(exchange);
}

void od_exchange_decide_end(struct od_exchange *exchange)
{
    bool is_last = exchange->wire->has_ended && exchange->in.size == 0;
    bool is_read = exchange->intake == NULL; // Else of the body something is still to come.
    exchange->manner.keeps_alive &= !exchange->net->is_draining && !is_last && is_read;
}

static void put_fault(struct od_exchange *exchange, struct od_http_fault fault)
{
    od_http_answer_put_fault(od_wire_out(exchange->wire), fault, exchange->manner,
                             od_clock_wall_ms());
}

void od_exchange_answer(struct od_exchange *exchange, od_slice response)
{
    struct od_response read;
    bool is_response = od_response_read(response, &read);
    OD_ASSERT(is_response);
    od_exchange_answer_with(exchange, &read);
}

void od_exchange_answer_with(struct od_exchange *exchange, const struct od_response *response)
{
    od_exchange_check(exchange);
    OD_ASSERT(exchange->phase == PHASE_ANSWER);
    struct od_error err;
    od_exchange_decide_end(exchange);
    if (!od_wire_can_hold(exchange->wire, response->bytes)) {
        put_fault(exchange, (struct od_http_fault){503, "too much waits to be sent, try again"});
    } else if (!put_answer(exchange, response, &err)) {
        od_log(OD_LOG_ERROR, NULL, "a response cannot be sent: %s", err.text);
        put_fault(exchange, (struct od_http_fault){500, "The server's answer cannot be sent"});
    }
    od_exchange_answered(exchange);
}

void od_exchange_answer_file(struct od_exchange *exchange, od_slice message, int fd, uint64_t first,
                             uint64_t size)
{
    OD_ASSERT(exchange->phase == PHASE_ANSWER);
    struct od_error err;
    struct od_response response;
    struct od_bytes *out = od_wire_out(exchange->wire);
    od_exchange_decide_end(exchange);
    bool is_whole = od_response_read(message, &response);
    bool is_put = is_whole && od_http_pieces_begin(&exchange->pieces, out, &response,
                                                   exchange->manner, od_clock_wall_ms(), &err);
    OD_ASSERT(is_put); // It is the runtime's own.
    od_exchange_count_answer(exchange->net, response.status);
    if (exchange->pieces.framing == OD_HTTP_NO_BODY || size == 0)
        close(fd);
    else
        od_wire_put_file(exchange->wire, fd, first, size);
    od_exchange_answered(exchange);
}

static void fill_record(const struct od_exchange *exchange, const struct od_response *response,
                        struct od_upgrade_record *record)
{
    OD_ASSERT(response->is_events || response->status == 101);
    record->is_events = response->is_events;
    if (exchange->has_handshake)
        record->window_bits = exchange->handshake.offer.window_bits;
    record->url = od_bytes_slice(&exchange->url);
    record->input = od_bytes_slice(&exchange->in);
    if (!od_headers_find(response->headers, OD_SLICE("sec-websocket-protocol"), &record->protocol))
        record->protocol = (od_slice){0};
}

bool od_exchange_wants_websocket(const struct od_exchange *exchange)
{
    return exchange->has_handshake;
}

static bool put_upgrade_head(const struct od_exchange *exchange, struct od_bytes *head,
                             const struct od_response *response, struct od_error *err)
{
    od_time_ms now_ms = od_clock_wall_ms();
    if (!response->is_events && !exchange->has_handshake)
        return od_error_set(err, "the request did not ask for a WebSocket");
    if (!response->is_events)
        return od_handshake_put_answer(head, &exchange->handshake, response, now_ms, err);
    if (exchange->has_handshake || exchange->manner.is_head)
        return od_error_set(err, "the request did not ask for an event stream");
    return od_event_stream_put_head(head, response, now_ms, err);
}

// The exchange is over, and its wire not its own any more.
static void leave(struct od_exchange *exchange, const struct od_response *response, od_slice output,
                  struct od_bytes *record)
{
    OD_ASSERT(exchange->has_handshake || response->is_events);
    struct od_upgrade_record upgrade = {.output = output};
    fill_record(exchange, response, &upgrade);
    od_upgrade_record_put(record, &upgrade);
    od_exchange_count_answer(exchange->net, response->status);
    od_exchange_free(exchange);
}

static bool begin_upgrade(const struct od_exchange *exchange, od_slice message,
                          struct od_response *response, struct od_bytes *head, struct od_error *err)
{
    od_exchange_check(exchange);
    OD_ASSERT(exchange->phase == PHASE_ANSWER);
    if (!od_response_read(message, response))
        return od_error_set(err, "the answer is no response");
    return put_upgrade_head(exchange, head, response, err);
}

bool od_exchange_become(struct od_exchange *exchange, od_slice message, struct od_bytes *record,
                        struct od_wire **wire, struct od_error *err)
{
    struct od_spares *spares = &exchange->net->spare_bytes;
    struct od_response response;
    struct od_bytes head = {0};
    od_spares_take(spares, &head);
    bool done = begin_upgrade(exchange, message, &response, &head, err);
    if (done) {
        *wire = exchange->wire;
        od_wire_part(*wire);
        leave(exchange, &response, od_bytes_slice(&head), record);
    }
    od_spares_give(spares, &head);
    return done;
}

// The head stands behind what earlier answers left unsent.
bool od_exchange_upgrade(struct od_exchange *exchange, od_slice message, struct od_bytes *record,
                         int *fd, struct od_error *err)
{
    struct od_response response;
    struct od_bytes head = {0}, output = {0};
    bool done = begin_upgrade(exchange, message, &response, &head, err);
    if (done) {
        *fd = od_wire_release(exchange->wire, &output);
        od_bytes_put_slice(&output, od_bytes_slice(&head));
        leave(exchange, &response, od_bytes_slice(&output), record);
    }
    od_bytes_deinit(&head);
    od_bytes_deinit(&output);
    return done;
}
