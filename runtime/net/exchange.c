#include "net/exchange.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "codec/forwarded.h"
#include "link/origin.h"
#include "link/page.h"
#include "link/request.h"
#include "net/exchange_inner.h"
#include "net/wire.h"

static const struct od_http_manner manner_of_fault = {.version_minor = 1};

static void set_deadline(struct od_exchange *exchange, od_time_ms delay_ms)
{
    od_loop_set_timer(exchange->net->loop, &exchange->deadline, delay_ms);
}

// Whether the net can hold a request of [size] bytes, which then counts until it is answered.
static bool count_coming(struct od_exchange *exchange, size_t size)
{
    struct od_net *net = exchange->net;
    net->coming_bytes += size - exchange->coming_bytes;
    exchange->coming_bytes = size;
    return size <= OD_NET_SMALL_BYTES || net->coming_bytes <= OD_NET_COMING_BYTES_MAX;
}

void od_exchange_forget_request(struct od_exchange *exchange)
{
    (void)count_coming(exchange, 0);
    if (exchange->has_handshake)
        od_handshake_deinit(&exchange->handshake);
    exchange->has_handshake = false;
    od_bytes_deinit(&exchange->request);
    od_bytes_deinit(&exchange->url);
}

// Its wire has ended, was closed or was given away.
void od_exchange_free(struct od_exchange *exchange)
{
    od_loop_clear_timer(exchange->net->loop, &exchange->deadline);
    od_map_remove(&exchange->net->exchanges, &exchange->node);
    od_exchange_forget_request(exchange);
    od_bytes_deinit(&exchange->peer);
    od_bytes_deinit(&exchange->in);
    free(exchange);
}

void od_exchange_close(struct od_exchange *exchange)
{
    od_wire_close(exchange->wire);
    od_exchange_free(exchange);
}

static void refuse(struct od_exchange *exchange, struct od_http_fault fault)
{
    od_http_answer_put_fault(od_wire_out(exchange->wire), fault, manner_of_fault,
                             od_clock_wall_ms());
    od_wire_show(exchange->wire);
    od_exchange_close(exchange);
}

// Reading. After a refusal there is no exchange any more, so nobody touches it behind one.

// The url is all that an upgrade still needs of the request.
static void keep_url(struct od_exchange *exchange)
{
    struct od_request request;
    OD_ASSERT(od_request_read(od_bytes_slice(&exchange->request), &request));
    od_bytes_put_slice(&exchange->url, request.url);
}

// It can be answered by somebody who knows no more of it than that; then the next one may come.
static void show_whole(const struct od_exchange *exchange)
{
    struct od_http_manner manner = exchange->manner;
    bool is_whole = exchange->in.size == 0 && od_wire_waiting_bytes(exchange->wire) == 0;
    if (is_whole && manner.keeps_alive && !manner.is_head && manner.version_minor > 0)
        od_wire_mark(exchange->wire, OD_PAGE_WHOLE, 0);
}

// The event may answer at once, which may be the end of the exchange: so the message is taken out
// of it.
static void tell_request(struct od_exchange *exchange, size_t consumed)
{
    od_bytes_drop_front(&exchange->in, consumed);
    bool is_ahead = exchange->in.size > 0;
    if (!is_ahead)
        od_bytes_deinit(&exchange->in);
    (is_ahead ? od_wire_pause : od_wire_resume)(exchange->wire);
    struct od_bytes *request = &exchange->request;
    od_bytes_set_u32(request, request->size - exchange->body.size - 4,
                     (uint32_t)exchange->body.size);
    if (exchange->has_handshake)
        keep_url(exchange);
    struct od_bytes message = *request;
    od_bytes_init(request);
    exchange->phase = OD_PHASE_ANSWER;
    show_whole(exchange);
    od_loop_clear_timer(exchange->net->loop, &exchange->deadline);
    exchange->net->events->request(exchange->net->owner, exchange->number,
                                   od_bytes_slice(&message));
    od_bytes_deinit(&message);
}

// Not all of a request is here, perhaps nothing.
static void await_more(struct od_exchange *exchange)
{
    bool has_begun =
        exchange->phase == OD_PHASE_BODY || exchange->in.size > exchange->head.request_line;
    if (exchange->wire->has_ended && !has_begun)
        od_exchange_close(exchange);
    else if (exchange->wire->has_ended)
        refuse(exchange, (struct od_http_fault){400, "the request ends in the middle"});
    else
        od_wire_resume(exchange->wire);
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
    size_t consumed;
    enum od_http_outcome outcome = od_http_body_decode(
        &exchange->body, od_bytes_slice(&exchange->in), &consumed, &exchange->request);
    if (outcome == OD_HTTP_BAD) {
        refuse(exchange, exchange->body.fault);
    } else if (!count_coming(exchange, exchange->body.size)) {
        refuse(exchange, too_much);
    } else if (outcome == OD_HTTP_DONE) {
        tell_request(exchange, consumed);
    } else {
        od_bytes_deinit(&exchange->in);
        set_deadline(exchange, body_ms_left(exchange));
        await_more(exchange);
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
    od_slice origin;
    if (!od_http_head_find(head, OD_SLICE("origin"), &origin))
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
    od_slice peer = od_bytes_slice(&exchange->peer);
    if (trusted->count > 0) {
        head->is_https = od_forwarded_is_https(head, trusted, peer);
        peer = od_forwarded_peer(head, trusted, peer, text);
    }
    od_http_head_put_request(head, peer, (od_slice){0}, &exchange->request);
}

// The message is begun with an empty body, behind which the body is then decoded in place. So the
// head need not stay, and a large body is not copied once more.
static bool begin_request(struct od_exchange *exchange)
{
    struct od_http_fault fault;
    struct od_http_head *head = &exchange->head;
    if (head->wants_websocket && !read_handshake(exchange, &fault)) {
        refuse(exchange, fault);
        return false;
    }
    if (head->content_length <= exchange->net->limits.body_bytes_max &&
        !count_coming(exchange, (size_t)head->content_length)) {
        refuse(exchange, too_much);
        return false;
    }
    (void)count_coming(exchange, 0); // It was only announced.
    exchange->has_handshake = head->wants_websocket;
    exchange->manner = od_http_manner_of(head);
    od_http_body_init(&exchange->body, head, exchange->net->limits.body_bytes_max);
    put_request(exchange);
    od_bytes_drop_front(&exchange->in, head->bytes);
    exchange->phase = OD_PHASE_BODY;
    exchange->body_began_ms = od_clock_monotonic_ms();
    if (head->expects_continue)
        allow_body(exchange);
    return true;
}

static bool read_head(struct od_exchange *exchange)
{
    switch (od_http_head_parse(&exchange->head, exchange->in.at, exchange->in.size)) {
    case OD_HTTP_BAD:
        refuse(exchange, exchange->head.fault);
        return false;
    case OD_HTTP_MORE:
        await_more(exchange);
        return false;
    case OD_HTTP_DONE:
        return begin_request(exchange);
    }
    OD_UNREACHABLE("an outcome of parsing");
}

static void read_on(struct od_exchange *exchange)
{
    if (exchange->phase == OD_PHASE_HEAD && !read_head(exchange))
        return;
    read_body(exchange);
}

static void on_stirs(void *owner)
{
    const struct od_exchange *exchange = owner;
    od_wire_mark(exchange->wire, OD_PAGE_BUSY, OD_PAGE_WHOLE);
}

static bool is_crowded(const struct od_exchange *exchange)
{
    return od_wire_waiting_bytes(exchange->wire) > exchange->net->limits.answer_queue_bytes_max;
}

void od_exchange_await_turn(struct od_exchange *exchange)
{
    exchange->phase = OD_PHASE_NEXT;
    set_deadline(exchange, 0);
}

// Of what comes behind a request that is being answered, one read is taken, so that a client that
// leaves is noticed; the rest waits in the kernel.
static void on_bytes(void *owner, char *at, size_t size)
{
    struct od_exchange *exchange = owner;
    bool is_first = exchange->phase == OD_PHASE_HEAD && exchange->in.size == 0;
    od_bytes_put(&exchange->in, at, size);
    if (exchange->phase > OD_PHASE_BODY || (is_first && is_crowded(exchange)))
        od_wire_pause(exchange->wire);
    if (exchange->phase > OD_PHASE_BODY)
        return;
    if (is_first)
        set_deadline(exchange, exchange->net->limits.head_ms);
    if (exchange->wire->is_paused)
        od_exchange_await_turn(exchange);
    else
        read_on(exchange);
}

static void on_sent(void *owner)
{
    struct od_exchange *exchange = owner;
    if (exchange->phase == OD_PHASE_NEXT && exchange->awaits_room)
        set_deadline(exchange, 0);
}

// RFC 9112, 9.6: who sends nothing more may still read, and gets the answers to what he has asked.
static void on_half_ended(void *owner)
{
    struct od_exchange *exchange = owner;
    if (exchange->phase <= OD_PHASE_BODY)
        await_more(exchange);
}

static void on_ended(void *owner)
{
    struct od_exchange *exchange = owner;
    struct od_net *net = exchange->net;
    uint64_t number = exchange->number;
    bool was_waiting = exchange->phase == OD_PHASE_ANSWER;
    od_exchange_free(exchange);
    if (was_waiting)
        net->events->request_gone(net->owner, number);
}

static const struct od_wire_protocol protocol = {on_stirs, on_sent, on_bytes, on_half_ended,
                                                 on_ended};

// Deadlines.

void od_exchange_expect_head(struct od_exchange *exchange)
{
    exchange->phase = OD_PHASE_HEAD;
    od_http_head_init(&exchange->head);
    set_deadline(exchange, exchange->net->limits.idle_ms);
}

static void on_head_deadline(struct od_exchange *exchange)
{
    if (exchange->in.size == 0)
        od_exchange_close(exchange);
    else
        refuse(exchange, (struct od_http_fault){408, "the request was not sent in time"});
}

static void on_body_deadline(struct od_exchange *exchange)
{
    refuse(exchange, (struct od_http_fault){408, "the body was not sent in time"});
}

// The client has time to take what waits for him, as long as he takes any of it.
static void await_room(struct od_exchange *exchange)
{
    uint32_t taken_bytes = od_wire_taken_bytes(exchange->wire);
    if (exchange->awaits_room && taken_bytes == exchange->taken_bytes) {
        od_exchange_close(exchange);
        return;
    }
    exchange->awaits_room = true;
    exchange->taken_bytes = taken_bytes;
    set_deadline(exchange, exchange->net->limits.idle_ms);
}

static void on_next(struct od_exchange *exchange)
{
    od_wire_send_now(exchange->wire);
    if (is_crowded(exchange)) {
        await_room(exchange);
        return;
    }
    exchange->awaits_room = false;
    od_exchange_expect_head(exchange);
    set_deadline(exchange, exchange->net->limits.head_ms);
    read_on(exchange);
}

static void on_deadline(struct od_timer *timer)
{
    static void (*const deadlines[])(struct od_exchange *) = {[OD_PHASE_HEAD] = on_head_deadline,
                                                              [OD_PHASE_BODY] = on_body_deadline,
                                                              [OD_PHASE_NEXT] = on_next};
    struct od_exchange *exchange = OD_TIMER_MEMBER(timer, struct od_exchange, deadline);
    OD_ASSERT(exchange->phase != OD_PHASE_ANSWER);
    deadlines[exchange->phase](exchange);
}

// Birth.

static bool has_number(const struct od_map_node *node, const void *key)
{
    return OD_MAP_MEMBER(node, struct od_exchange, node)->number == *(const uint64_t *)key;
}

struct od_exchange *od_net_exchange(const struct od_net *net, uint64_t number)
{
    struct od_map_node *node =
        od_map_find(&net->exchanges, od_map_hash_u64(number), has_number, &number);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_exchange, node);
}

bool od_exchange_adopt(struct od_net *net, int fd, uint32_t place, od_slice peer,
                       od_slice already_read, struct od_error *err)
{
    struct od_exchange *exchange = od_allocate_zeroed(sizeof *exchange);
    if (!od_wire_adopt(net, fd, &protocol, exchange, &exchange->wire, err)) {
        free(exchange);
        return false;
    }
    int on = 1; // What waits leaves in one piece a turn; there is nothing Nagle could gather.
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (place != OD_PAGE_NO_PLACE)
        od_wire_show_on(exchange->wire, net->page, place);
    exchange->net = net;
    exchange->number = ++net->last_exchange;
    exchange->deadline.fire = on_deadline;
    od_bytes_put_slice(&exchange->peer, peer);
    od_map_put(&net->exchanges, &exchange->node, od_map_hash_u64(exchange->number));
    od_exchange_expect_head(exchange);
    set_deadline(exchange, net->limits.head_ms);
    od_bytes_put_slice(&exchange->in, already_read);
    read_on(exchange);
    return true;
}

// The end.

void od_exchange_abort(struct od_exchange *exchange)
{
    od_wire_abort(exchange->wire);
    od_exchange_free(exchange);
}

// Nothing is asked and nothing owed: the end need not wait for the client's.
static bool is_idle(const struct od_exchange *exchange)
{
    return exchange->phase == OD_PHASE_HEAD && exchange->in.size == 0 &&
           od_wire_waiting_bytes(exchange->wire) == 0;
}

// What he has asked more was not begun.
static bool is_unread(const struct od_exchange *exchange)
{
    return exchange->phase == OD_PHASE_HEAD ? exchange->in.size == 0 : exchange->awaits_room;
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
