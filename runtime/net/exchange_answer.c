#include "base/log.h"
#include "codec/http_answer.h"
#include "codec/upgrade_record.h"
#include "link/meters.h"
#include "link/response.h"
#include "link/worker_page.h"
#include "net/exchange_inner.h"

static void expect_next(struct od_exchange *exchange)
{
    OD_ASSERT(exchange->manner.keeps_alive);
    od_exchange_forget_request(exchange);
    exchange->has_begun = false;
    od_exchange_expect_head(exchange);
    if (exchange->in.size == 0)
        od_bytes_deinit(&exchange->in);
    else
        od_exchange_await_turn(exchange);
}

static void count_answer(const struct od_net *net, uint16_t status)
{
    od_meters_count(net->meters, (enum od_meter)(OD_METER_answers1 + status / 100 - 1), 1);
}

static bool put_answer(struct od_exchange *exchange, od_slice message, struct od_error *err)
{
    struct od_response response;
    if (!od_response_read(message, &response))
        return od_error_set(err, "the answer is no response");
    count_answer(exchange->net, response.status);
    return od_http_answer_put(od_wire_out(exchange->wire), &response, exchange->manner,
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
    od_wire_mark(exchange->wire, OD_PAGE_ANSWERED, OD_PAGE_BEGUN | OD_PAGE_WHOLE);
}

static void put_fault(struct od_exchange *exchange, struct od_http_fault fault)
{
    od_http_answer_put_fault(od_wire_out(exchange->wire), fault, exchange->manner,
                             od_clock_wall_ms());
}

void od_exchange_answer(struct od_exchange *exchange, od_slice response)
{
    od_exchange_check(exchange);
    OD_ASSERT(exchange->phase == PHASE_ANSWER);
    struct od_error err;
    bool is_last = exchange->wire->has_ended && exchange->in.size == 0;
    exchange->manner.keeps_alive &= !exchange->net->is_draining && !is_last;
    if (!od_wire_can_hold(exchange->wire, response.size)) {
        put_fault(exchange, (struct od_http_fault){503, "too much waits to be sent, try again"});
    } else if (!put_answer(exchange, response, &err)) {
        od_log(OD_LOG_ERROR, NULL, "a response cannot be sent: %s", err.text);
        put_fault(exchange, (struct od_http_fault){500, "The server's answer cannot be sent"});
    }
    od_wire_count(exchange->wire);
    show_answered(exchange);
    if (exchange->manner.keeps_alive)
        expect_next(exchange);
    else
        od_exchange_close(exchange);
}

static void fill_record(const struct od_exchange *exchange, const struct od_response *response,
                        struct od_upgrade_record *record)
{
    OD_ASSERT(response->status == 101);
    record->window_bits = exchange->handshake.offer.window_bits;
    record->url = od_bytes_slice(&exchange->url);
    record->input = od_bytes_slice(&exchange->in);
    if (!od_headers_find(response->headers, OD_SLICE("sec-websocket-protocol"), &record->protocol))
        record->protocol = (od_slice){0};
}

// [head] stands behind what earlier answers left unsent.
static bool release(struct od_exchange *exchange, const struct od_response *response, od_slice head,
                    struct od_bytes *record, int *fd, struct od_error *err)
{
    OD_ASSERT(exchange->has_handshake);
    struct od_bytes output = {0};
    *fd = od_wire_release(exchange->wire, &output);
    if (*fd < 0)
        return od_error_set(err, "no descriptor is left (ulimit -n)");
    od_bytes_put_slice(&output, head);
    struct od_upgrade_record upgrade = {.output = od_bytes_slice(&output)};
    fill_record(exchange, response, &upgrade);
    od_upgrade_record_put(record, &upgrade);
    od_bytes_deinit(&output);
    od_exchange_free(exchange);
    return true;
}

bool od_exchange_wants_websocket(const struct od_exchange *exchange)
{
    return exchange->has_handshake;
}

bool od_exchange_upgrade(struct od_exchange *exchange, od_slice message, struct od_bytes *record,
                         int *fd, struct od_error *err)
{
    od_exchange_check(exchange);
    OD_ASSERT(exchange->phase == PHASE_ANSWER);
    struct od_response response;
    if (!od_response_read(message, &response))
        return od_error_set(err, "the answer is no response");
    const struct od_net *net = exchange->net;
    if (!exchange->has_handshake)
        return od_error_set(err, "the request did not ask for a WebSocket");
    struct od_bytes head = {0};
    bool done =
        od_handshake_put_answer(&head, &exchange->handshake, &response, od_clock_wall_ms(), err) &&
        release(exchange, &response, od_bytes_slice(&head), record, fd, err);
    if (done)
        count_answer(net, 101);
    od_bytes_deinit(&head);
    return done;
}
