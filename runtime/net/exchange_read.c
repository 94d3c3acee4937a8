#include <netinet/in.h>

#include "base/log.h"
#include "codec/forwarded.h"
#include "codec/http_answer.h"
#include "link/origin.h"
#include "link/request.h"
#include "link/worker_page.h"
#include "net/exchange.h"
#include "net/exchange_inner.h"
#include "net/wire.h"

// After a refusal there is no exchange any more, so nobody touches it behind one.

// The url is all that an upgrade still needs of the request.
static void keep_url(struct od_exchange *exchange)
{
    OD_ASSERT(exchange->url.size == 0);
    od_spares_take(&exchange->net->spare_bytes, &exchange->url);
    od_bytes_put_slice(&exchange->url, od_request_url(od_bytes_slice(&exchange->request)));
}

// It can be answered by somebody who knows no more of it than that; then the next one may come.
static void show_whole(const struct od_exchange *exchange)
{
    struct od_http_manner manner = exchange->manner;
    bool is_whole = od_wire_waiting_bytes(exchange->wire) == 0;
    if (is_whole && manner.keeps_alive && !manner.is_head && manner.version_minor > 0)
        od_wire_mark(exchange->wire, OD_PAGE_WHOLE, 0);
}

// The event may answer at once, which may be the end of the exchange: so the message is taken out
// of it.
static void tell_request(struct od_exchange *exchange, size_t consumed)
{
    OD_ASSERT(exchange->phase == PHASE_BODY);
    OD_ASSERT(consumed <= exchange->in.size);
    struct od_net *net = exchange->net;
    od_bytes_drop_front(&exchange->in, consumed);
    bool is_ahead = exchange->in.size > 0;
    if (!is_ahead)
        od_spares_give(&net->spare_bytes, &exchange->in);
    (is_ahead ? od_wire_pause : od_wire_resume)(exchange->wire);
    struct od_bytes *request = &exchange->request;
    OD_ASSERT(request->size >= exchange->body.size + 4);
    od_bytes_set_u32(request, request->size - exchange->body.size - 4,
                     (uint32_t)exchange->body.size);
    if (exchange->has_handshake)
        keep_url(exchange);
    struct od_bytes message = *request;
    od_bytes_init(request);
    exchange->phase = PHASE_ANSWER;
    show_whole(exchange);
    od_loop_clear_timer(net->loop, &exchange->deadline);
    net->events->request(net->owner, exchange->number, &message);
    od_spares_give(&net->spare_bytes, &message);
}

// Not all of a request is here, perhaps nothing.
void od_exchange_await_more(struct od_exchange *exchange)
{
    OD_ASSERT(exchange->phase <= PHASE_BODY);
    bool has_begun =
        exchange->phase == PHASE_BODY || exchange->in.size > exchange->head.request_line;
    if (exchange->wire->has_ended && !has_begun) {
        od_exchange_close(exchange);
    } else if (exchange->wire->has_ended) {
        od_exchange_refuse(exchange, (struct od_http_fault){400, "the request ends in the middle"});
    } else {
        if (!od_timer_is_set(&exchange->deadline))
            od_exchange_set_deadline(exchange, exchange->net->limits.head_ms);
        od_wire_resume(exchange->wire);
    }
}

static const struct od_http_fault too_much = {503, "too many large requests are on their way, "
                                                   "try again"};

// Who sends a little now and then holds what he has sent for ever, so there is a least rate.
static od_time_ms body_ms_left(const struct od_exchange *exchange)
{
    od_time_ms body_ms = exchange->net->limits.body_ms;
    od_time_ms since_ms = od_clock_monotonic_ms() - exchange->body_began_ms;
    od_time_ms left_ms = od_net_transfer_ms(exchange->net, exchange->body.size) - since_ms;
    return left_ms < body_ms ? left_ms : body_ms;
}

static void read_body(struct od_exchange *exchange)
{
    OD_ASSERT(exchange->phase == PHASE_BODY);
    size_t consumed;
    enum od_http_outcome outcome = od_http_body_decode(
        &exchange->body, od_bytes_slice(&exchange->in), &consumed, &exchange->request);
    if (outcome == OD_HTTP_BAD) {
        od_exchange_refuse(exchange, exchange->body.fault);
    } else if (!od_exchange_count_coming(exchange, exchange->body.size)) {
        od_exchange_refuse(exchange, too_much);
    } else if (outcome == OD_HTTP_DONE) {
        tell_request(exchange, consumed);
    } else {
        od_spares_give(&exchange->net->spare_bytes, &exchange->in);
        od_exchange_set_deadline(exchange, body_ms_left(exchange));
        od_exchange_await_more(exchange);
    }
}

// The client waits for leave to send its body; not if the body is too large by its own account
// (then it is refused in the next step) or is on its way already.
static void allow_body(struct od_exchange *exchange)
{
    size_t consumed;
    struct od_http_body announced = exchange->body;
    if (exchange->in.size == 0 && od_http_body_decode(&announced, (od_slice){0}, &consumed,
                                                      &exchange->request) == OD_HTTP_MORE)
        od_http_answer_put_continue(od_wire_out(exchange->wire));
}

// Told in the log, where its author looks: a browser does not show what a WebSocket was answered. A
// page that tries again and again is told of ever more rarely.
static void log_foreign_page(struct od_net *net, od_slice origin, od_slice host, const char *option)
{
    uint64_t count = ++net->foreign_pages;
    if ((count & (count - 1)) == 0)
        od_log(OD_LOG_WARN, NULL,
               "a page of %.*s may not open a WebSocket at %.*s, and is answered 403; allow it "
               "with %s (%llu so far)",
               (int)origin.size, origin.at, (int)host.size, host.at, option,
               (unsigned long long)count);
}

// Who sends no Origin is no browser.
static bool may_open_websocket(struct od_exchange *exchange, struct od_http_fault *fault)
{
    struct od_net *net = exchange->net;
    const struct od_http_head *head = &exchange->head;
    od_slice origin = head->origin;
    if (!head->has_origin)
        return true;
    if (!od_origin_host_is_allowed(head->host, net->allowed_hosts)) {
        log_foreign_page(net, origin, head->host, "--allow-host");
        *fault = (struct od_http_fault){403, "pages may not open a WebSocket here by this name of "
                                             "the host; --allow-host names those that they may"};
        return false;
    }
    if (od_origin_is_allowed(origin, head->host, net->allowed_origins))
        return true;
    log_foreign_page(net, origin, head->host, "--allow-origin");
    *fault = (struct od_http_fault){403, "pages of this origin may not open a WebSocket here; "
                                         "--allow-origin names those that may"};
    return false;
}

static bool read_handshake(struct od_exchange *exchange, struct od_http_fault *fault)
{
    return may_open_websocket(exchange, fault) &&
           od_handshake_read(&exchange->handshake, &exchange->head, fault);
}

static void put_request(struct od_exchange *exchange)
{
    struct od_http_head *head = &exchange->head;
    const struct od_networks *trusted = &exchange->net->trusted_proxies;
    char text[INET6_ADDRSTRLEN];
    od_slice peer = od_slice_of(exchange->peer);
    head->tls = od_bytes_slice(&exchange->tls);
    head->is_https = head->tls.size > 0;
    if (trusted->count > 0 && !head->is_https) {
        head->is_https = od_forwarded_is_https(head, trusted, peer);
        peer = od_forwarded_peer(head, trusted, peer, text);
    }
    od_spares_take(&exchange->net->spare_bytes, &exchange->request);
    od_http_head_put_request(head, peer, (od_slice){0}, &exchange->request);
}

// What has come of the body goes first, to who will take it: the request may be answered at once.
static void tell_head(struct od_exchange *exchange)
{
    od_bytes_drop_front(&exchange->in, exchange->head.bytes);
    struct od_bytes request = exchange->request, body = exchange->in;
    od_bytes_init(&exchange->request);
    od_bytes_init(&exchange->in);
    exchange->phase = PHASE_ANSWER;
    od_loop_clear_timer(exchange->net->loop, &exchange->deadline);
    if (exchange->head.expects_continue && body.size == 0)
        od_http_answer_put_continue(od_wire_out(exchange->wire));
    od_exchange_intake_read(exchange, od_bytes_slice(&body));
    od_bytes_deinit(&body);
    exchange->net->events->request(exchange->net->owner, exchange->number, &request);
    od_bytes_deinit(&request);
}

// The message is begun with an empty body, behind which the body is then decoded in place. So the
// head need not stay, and a large body is not copied once more.
static bool begin_request(struct od_exchange *exchange)
{
    OD_ASSERT(!exchange->has_handshake);
    struct od_http_fault fault;
    struct od_http_head *head = &exchange->head;
    if (head->wants_websocket && !read_handshake(exchange, &fault)) {
        od_exchange_refuse(exchange, fault);
        return false;
    }
    exchange->has_handshake = head->wants_websocket;
    exchange->manner = od_http_manner_of(head);
    put_request(exchange);
    if (od_exchange_intake_begin(exchange)) {
        tell_head(exchange);
        return false;
    }
    if (head->content_length <= exchange->net->limits.body_bytes_max &&
        !od_exchange_count_coming(exchange, (size_t)head->content_length)) {
        od_exchange_refuse(exchange, too_much);
        return false;
    }
    (void)od_exchange_count_coming(exchange, 0); // It was only announced.
    od_http_body_init(&exchange->body, head, exchange->net->limits.body_bytes_max);
    OD_ASSERT(head->bytes <= exchange->in.size);
    od_bytes_drop_front(&exchange->in, head->bytes);
    exchange->phase = PHASE_BODY;
    exchange->body_began_ms = od_clock_monotonic_ms();
    if (head->expects_continue)
        allow_body(exchange);
    return true;
}

static bool read_head(struct od_exchange *exchange)
{
    switch (od_http_head_parse(&exchange->head, exchange->in.at, exchange->in.size)) {
    case OD_HTTP_BAD:
        od_exchange_refuse(exchange, exchange->head.fault);
        return false;
    case OD_HTTP_MORE:
        od_exchange_await_more(exchange);
        return false;
    case OD_HTTP_DONE:
        return begin_request(exchange);
    }
    OD_UNREACHABLE("an outcome of parsing");
}

void od_exchange_read_on(struct od_exchange *exchange)
{
    od_exchange_check(exchange);
    OD_ASSERT(exchange->phase <= PHASE_BODY);
    if (exchange->phase == PHASE_HEAD && !read_head(exchange))
        return;
    read_body(exchange);
}
