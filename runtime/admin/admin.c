#include "admin/admin.h"

#include <stdlib.h>
#include <unistd.h>

#include "admin/limits.h"
#include "base/confine.h"
#include "base/cursor.h"
#include "base/fault.h"
#include "base/log.h"
#include "codec/newcomer.h"
#include "link/response.h"
#include "net/exchange.h"
#include "net/websocket.h"

enum news_kind {
    NEWS_TOKENS,
    NEWS_REQUEST,
    NEWS_MESSAGE,
    NEWS_CLOSED,
    NEWS_ANSWER,
};

struct news { // What the site has not been told yet.
    struct od_list link;
    enum news_kind kind;
    uint64_t number;
    struct od_bytes bytes;
};

struct visitor { // Who has a WebSocket.
    struct od_list link;
    uint64_t number;
    struct od_websocket *websocket;
};

struct od_admin_process {
    const struct od_options *options;
    struct od_loop loop;
    struct od_net net;
    struct od_link main;
    struct od_admin_site *site;
    struct od_list news;
    struct od_list visitors;
    struct od_timer tick;
    bool is_tick_due;
    uint64_t last_question;
    uint32_t open_questions;
    bool has_link;
    bool is_over;
};

static void put_news(struct od_admin_process *process, enum news_kind kind, uint64_t number,
                     od_slice bytes)
{
    struct news *news = od_allocate_zeroed(sizeof *news);
    news->kind = kind;
    news->number = number;
    od_bytes_put_slice(&news->bytes, bytes);
    od_list_init(&news->link);
    od_list_push_back(&process->news, &news->link);
}

// --- News from the net ---------------------------------------------------------------------------

static void on_request(void *owner, uint64_t exchange, struct od_bytes *request)
{
    put_news(owner, NEWS_REQUEST, exchange, od_bytes_slice(request));
}

static uint64_t on_wants_pieces(void *owner, uint64_t exchange, od_slice request, uint32_t *worker)
{
    (void)owner, (void)exchange, (void)request; // All that is asked here is small.
    *worker = 0;
    return 0;
}

static void on_request_left(void *owner, uint64_t exchange)
{
    (void)owner; // Its answer will find nobody.
    (void)exchange;
}

static void on_websocket_message(void *owner, void *holder, od_slice payload,
                                 struct od_bytes *memory, bool is_binary)
{
    (void)memory;
    if (!is_binary) // The page sends none.
        put_news(owner, NEWS_MESSAGE, ((const struct visitor *)holder)->number, payload);
}

static void on_closed(void *owner, void *holder, bool is_relay, uint16_t code, od_slice reason,
                      bool was_clean)
{
    (void)is_relay;
    (void)code;
    (void)reason;
    (void)was_clean;
    put_news(owner, NEWS_CLOSED, ((const struct visitor *)holder)->number, (od_slice){NULL, 0});
}

static void on_failed(void *owner, void *holder, bool is_relay, od_slice why)
{
    (void)is_relay;
    (void)why;
    put_news(owner, NEWS_CLOSED, ((const struct visitor *)holder)->number, (od_slice){NULL, 0});
}

static bool on_is_at_rest(void *owner, const void *holder)
{
    (void)owner; // Nobody looks.
    (void)holder;
    return true;
}

static void on_left(void *owner, uint32_t place)
{
    (void)owner;
    (void)place;
}

static void on_fetched(void *owner, uint64_t fetch, bool ok, od_slice bytes)
{
    (void)owner; // It fetches nothing.
    (void)fetch;
    (void)ok;
    (void)bytes;
}

static void on_connection_over(void *owner, uint64_t number)
{
    (void)owner; // Nobody counts.
    (void)number;
}

// What comes in pieces is for those who ask for it.
static const struct od_net_events net_events = {.request = on_request,
                                                .wants_pieces = on_wants_pieces,
                                                .request_left = on_request_left,
                                                .message = on_websocket_message,
                                                .closed = on_closed,
                                                .failed = on_failed,
                                                .is_at_rest = on_is_at_rest,
                                                .left = on_left,
                                                .fetched = on_fetched,
                                                .connection_over = on_connection_over};

// --- News from main ------------------------------------------------------------------------------

static void receive_connection(struct od_admin_process *process, od_slice body, int fd)
{
    struct od_newcomer newcomer = od_newcomer_read(body);
    size_t count = process->net.exchanges.size + process->net.websocket_count;
    struct od_error err;
    if (fd < 0)
        return;
    if (count >= OD_ADMIN_CONNECTIONS_MAX)
        od_net_hang_up(&process->net, fd);
    else if (!od_exchange_adopt(&process->net, fd, &newcomer, &err))
        od_log(OD_LOG_ERROR, NULL, "cannot serve a connection of the admin listener: %s", err.text);
}

static void on_main_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct od_admin_process *process = link->owner;
    if (kind == OD_KIND_CONNECTION) {
        receive_connection(process, body, fd);
        return;
    }
    if (fd >= 0)
        close(fd);
    if (kind == OD_KIND_ADMIN)
        put_news(process, NEWS_TOKENS, 0, body);
    else if (kind == OD_KIND_ANSWER)
        put_news(process, NEWS_ANSWER, 0, body);
}

static void on_main_gone(struct od_link *link)
{
    ((struct od_admin_process *)link->owner)->is_over = true;
}

static void on_main_closed(struct od_link *link)
{
    ((struct od_admin_process *)link->owner)->has_link = false;
}

static const struct od_link_events link_events = {on_main_message, on_main_gone, on_main_closed};

// --- Telling the site ----------------------------------------------------------------------------

static void tell_tokens(struct od_admin_process *process, const struct news *news)
{
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&news->bytes));
    od_slice token = od_cursor_string(&cursor);
    process->site->tokens(process->site, token, od_cursor_string(&cursor));
}

static void tell_request(struct od_admin_process *process, const struct news *news)
{
    if (od_net_exchange(&process->net, news->number) != NULL)
        process->site->request(process->site, news->number, od_bytes_slice(&news->bytes));
}

static struct visitor *find_visitor(const struct od_admin_process *process, uint64_t number)
{
    OD_LIST_EACH (link, &process->visitors) {
        struct visitor *visitor = OD_LIST_MEMBER(link, struct visitor, link);
        if (visitor->number == number)
            return visitor;
    }
    return NULL;
}

static void tell_message(struct od_admin_process *process, const struct news *news)
{
    if (find_visitor(process, news->number) != NULL)
        process->site->message(process->site, news->number, od_bytes_slice(&news->bytes));
}

static void forget_visitor(struct visitor *visitor)
{
    OD_ASSERT(visitor->number != 0);
    od_websocket_free(visitor->websocket);
    od_list_remove(&visitor->link);
    free(visitor);
}

static void tell_closed(struct od_admin_process *process, const struct news *news)
{
    struct visitor *visitor = find_visitor(process, news->number);
    if (visitor == NULL)
        return;
    od_websocket_finish_close(visitor->websocket);
    process->site->closed(process->site, news->number);
    forget_visitor(visitor);
}

static void tell_answer(struct od_admin_process *process, const struct news *news)
{
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&news->bytes));
    uint64_t question = od_cursor_u64(&cursor);
    bool ok = od_cursor_u8(&cursor) != 0;
    OD_ASSERT(process->open_questions > 0); // Main answers each once.
    process->open_questions--;
    process->site->answer(process->site, question, ok, od_cursor_rest(&cursor));
}

static void (*const tell[])(struct od_admin_process *, const struct news *) = {
    [NEWS_TOKENS] = tell_tokens, [NEWS_REQUEST] = tell_request, [NEWS_MESSAGE] = tell_message,
    [NEWS_CLOSED] = tell_closed, [NEWS_ANSWER] = tell_answer,
};

static void free_news(struct news *news)
{
    od_bytes_deinit(&news->bytes);
    free(news);
}

static void tell_all(struct od_admin_process *process)
{
    struct od_list *link;
    while ((link = od_list_pop_front(&process->news)) != NULL) {
        struct news *news = OD_LIST_MEMBER(link, struct news, link);
        OD_ASSERT(news->kind < sizeof tell / sizeof *tell);
        tell[news->kind](process, news);
        free_news(news);
    }
    if (process->is_tick_due)
        process->site->tick(process->site);
    process->is_tick_due = false;
}

static void turn(struct od_admin_process *process)
{
    OD_ASSERT(process->has_link);
    OD_ASSERT(process->site != NULL);
    od_loop_wait(&process->loop,
                 !od_net_reads_on(&process->net) && !od_net_flushes_on(&process->net));
    od_net_read(&process->net);
    od_net_read_on(&process->net);
    od_loop_fire(&process->loop);
    tell_all(process);
    od_link_flush(&process->main);
    od_net_settle(&process->net);
    od_net_flush(&process->net);
    od_log_settle(false);
    od_confine_report();
}

// --- What the site does --------------------------------------------------------------------------

void od_admin_answer(struct od_admin_process *process, uint64_t number, od_slice response)
{
    struct od_exchange *exchange = od_net_exchange(&process->net, number);
    if (exchange != NULL)
        od_exchange_answer(exchange, response);
}

static void attach(struct od_admin_process *process, uint64_t number, od_slice record,
                   struct od_wire *wire)
{
    OD_ASSERT(number != 0);
    OD_ASSERT(find_visitor(process, number) == NULL);
    struct visitor *visitor = od_allocate_zeroed(sizeof *visitor);
    struct od_error err;
    visitor->number = number;
    od_list_init(&visitor->link);
    od_list_push_back(&process->visitors, &visitor->link);
    visitor->websocket = od_websocket_new(&process->net, visitor, false);
    if (!od_websocket_take(visitor->websocket, record, wire, &err))
        put_news(process, NEWS_CLOSED, number, (od_slice){NULL, 0});
}

bool od_admin_upgrade(struct od_admin_process *process, uint64_t number)
{
    struct od_exchange *exchange = od_net_exchange(&process->net, number);
    struct od_bytes response = {0}, record = {0};
    struct od_error err;
    struct od_wire *wire;
    if (exchange == NULL || !od_exchange_wants_websocket(exchange))
        return false;
    size_t mark = od_response_begin_with(&response, 101, OD_RESPONSE_SOCKET, 0, number);
    od_response_end(&response, mark, 0, (od_slice){NULL, 0});
    bool ok = od_exchange_become(exchange, od_bytes_slice(&response), &record, &wire, &err);
    if (ok)
        attach(process, number, od_bytes_slice(&record), wire);
    od_bytes_deinit(&response);
    od_bytes_deinit(&record);
    return ok;
}

bool od_admin_send(struct od_admin_process *process, uint64_t number, od_slice text)
{
    const struct visitor *visitor = find_visitor(process, number);
    if (visitor == NULL ||
        od_websocket_buffered_bytes(visitor->websocket) > OD_ADMIN_PUSH_BYTES_MAX)
        return false;
    od_websocket_send(visitor->websocket, text, false);
    return true;
}

void od_admin_close(struct od_admin_process *process, uint64_t number, uint16_t code,
                    od_slice reason)
{
    const struct visitor *visitor = find_visitor(process, number);
    if (visitor != NULL)
        od_websocket_close(visitor->websocket, code, reason);
}

uint64_t od_admin_ask(struct od_admin_process *process, od_slice name, od_slice who, od_slice body)
{
    OD_ASSERT(name.size > 0);
    if (process->open_questions >= OD_ADMIN_QUESTIONS_MAX)
        return 0;
    process->open_questions++;
    size_t mark = od_link_begin(&process->main, OD_KIND_ASK, -1);
    od_bytes_put_u64(&process->main.out, ++process->last_question);
    od_bytes_put_string(&process->main.out, name);
    od_bytes_put_string(&process->main.out, who);
    od_bytes_put_slice(&process->main.out, body);
    od_link_end(&process->main, mark);
    return process->last_question;
}

// --- Beginning and end ---------------------------------------------------------------------------

static void on_tick(struct od_timer *timer)
{
    struct od_admin_process *process = OD_TIMER_MEMBER(timer, struct od_admin_process, tick);
    OD_ASSERT(!process->is_over);
    process->is_tick_due = true;
    od_loop_set_timer(&process->loop, timer, OD_ADMIN_TICK_MS);
}

static void set_limits(struct od_net_limits *limits)
{
    limits->body_bytes_max = OD_ADMIN_BODY_BYTES_MAX;
    limits->message_bytes_max = OD_ADMIN_MESSAGE_BYTES_MAX;
    limits->socket_send_queue_bytes_max = OD_ADMIN_SEND_BYTES_MAX;
}

static bool open_all(struct od_admin_process *process, od_admin_site_new *new_site, int link_fd,
                     struct od_error *err)
{
    const struct od_options *options = process->options;
    if (!od_loop_init(&process->loop, err))
        return false;
    process->has_link =
        od_link_init(&process->main, &process->loop.uv, link_fd, &link_events, process, err);
    if (!process->has_link ||
        !od_net_init(&process->net, &process->loop, &net_events, process, err))
        return false;
    set_limits(&process->net.limits);
    od_keepalives_set_ping_ms(&process->net.keepalives, options->ping_ms);
    process->site = new_site(process, options, err);
    struct od_error why;
    if (options->confine && !od_confine(&why))
        od_log(OD_LOG_WARN, NULL, "the admin process: %s", why.text);
    return process->site != NULL;
}

static void close_all(struct od_admin_process *process)
{
    od_loop_clear_timer(&process->loop, &process->tick);
    od_link_close(&process->main);
    while (process->has_link)
        od_loop_poll(&process->loop, true);
    struct od_list *link;
    while ((link = od_list_pop_front(&process->visitors)) != NULL)
        forget_visitor(OD_LIST_MEMBER(link, struct visitor, link));
    OD_ASSERT(!process->has_link);
    od_net_deinit(&process->net);
    process->site->free(process->site);
    while ((link = od_list_pop_front(&process->news)) != NULL)
        free_news(OD_LIST_MEMBER(link, struct news, link));
    od_loop_deinit(&process->loop);
}

int od_admin_main(const struct od_options *options, od_admin_site_new *new_site, int link_fd)
{
    struct od_admin_process process = {.options = options, .tick = {.fire = on_tick}};
    struct od_error err;
    od_fault_open();
    od_list_init(&process.news);
    od_list_init(&process.visitors);
    if (options->confine)
        od_confine_prepare();
    if (!open_all(&process, new_site, link_fd, &err)) {
        od_log(OD_LOG_ERROR, NULL, "the admin process cannot start: %s", err.text);
        return OD_EXIT_WRONG;
    }
    od_loop_set_timer(&process.loop, &process.tick, OD_ADMIN_TICK_MS);
    while (!process.is_over)
        turn(&process);
    close_all(&process);
    od_log_settle(true);
    return OD_EXIT_CLEAN;
}
