// A worker's net for specs: what is told is written down as a story, and the spec asks for it
// afterwards. The FFI of LuaJIT cannot be called back with a struct by value, so this much is C.

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fault.h"
#include "codec/newcomer.h"
#include "link/request.h"
#include "link/response.h"
#include "link/worker_page.h"
#include "net/exchange.h"
#include "net/websocket.h"
#include "spec/unit/net/stage.h"

enum {
    sockets_max = 32
};

struct stage {
    struct od_loop loop;
    struct od_net net;
    struct od_websocket *sockets[sockets_max]; // By number, which is their holder.
    struct od_bytes story;                     // One line an event.
    char error[OD_ERROR_BYTES_MAX];
};

static void tell(struct stage *stage, const char *what, uint64_t number, od_slice text,
                 const char *more)
{
    char line[64];
    snprintf(line, sizeof line, "%s %llu ", what, (unsigned long long)number);
    od_bytes_put_slice(&stage->story, od_slice_of(line));
    od_bytes_put(&stage->story, text.at, text.size < 60 ? text.size : 60);
    od_bytes_put_slice(&stage->story, od_slice_of(more));
    od_bytes_put_slice(&stage->story, od_slice_of("\n"));
}

static void on_request(void *owner, uint64_t exchange, struct od_bytes *message)
{
    struct od_request request;
    struct od_bytes line = {0};
    if (!od_request_read(od_bytes_slice(message), &request))
        abort();
    od_bytes_put_slice(&line, request.method);
    od_bytes_put_slice(&line, od_slice_of(" "));
    od_bytes_put_slice(&line, od_request_target(request.url));
    od_bytes_put_slice(&line, od_slice_of(" "));
    od_bytes_put_slice(&line, request.body);
    tell(owner, "request", exchange, od_bytes_slice(&line), "");
    od_bytes_deinit(&line);
}

static void on_request_left(void *owner, uint64_t exchange)
{
    tell(owner, "gone", exchange, (od_slice){0}, "");
}

static void on_pieces_taken(void *owner, uint64_t reader, size_t size)
{
    (void)size;
    tell(owner, "taken", reader, (od_slice){0}, "");
}

static void on_pieces_unwanted(void *owner, uint64_t reader)
{
    tell(owner, "unwanted", reader, (od_slice){0}, "");
}

static void on_message(void *owner, void *holder, od_slice payload, struct od_bytes *memory,
                       bool is_binary)
{
    (void)memory;
    tell(owner, is_binary ? "binary" : "text", (uint64_t)(uintptr_t)holder, payload, "");
}

static void on_closed(void *owner, void *holder, bool is_relay, uint16_t code, od_slice reason,
                      bool clean)
{
    (void)is_relay;
    char text[160];
    int size = snprintf(text, sizeof text, "%u %.*s", code, (int)reason.size,
                        reason.size > 0 ? reason.at : "");
    tell(owner, "closed", (uint64_t)(uintptr_t)holder, (od_slice){text, (size_t)size},
         clean ? " clean" : " unclean");
}

static void on_failed(void *owner, void *holder, bool is_relay, od_slice why)
{
    (void)is_relay;
    tell(owner, "failed", (uint64_t)(uintptr_t)holder, why, "");
}

static bool on_is_at_rest(void *owner, const void *holder)
{
    (void)owner, (void)holder;
    return true;
}

static void on_left(void *owner, uint32_t place)
{
    (void)owner, (void)place;
}

static void on_fetched(void *owner, uint64_t fetch, bool ok, od_slice bytes)
{
    tell(owner, ok ? "fetched" : "not fetched", fetch, bytes, "");
}

static uint64_t on_wants_pieces(void *owner, uint64_t exchange, od_slice request, uint32_t *worker)
{
    (void)owner, (void)exchange, (void)request, (void)worker;
    return 0;
}

static const struct od_net_events events = {.request = on_request,
                                            .wants_pieces = on_wants_pieces,
                                            .request_left = on_request_left,
                                            .pieces_taken = on_pieces_taken,
                                            .pieces_unwanted = on_pieces_unwanted,
                                            .message = on_message,
                                            .closed = on_closed,
                                            .failed = on_failed,
                                            .is_at_rest = on_is_at_rest,
                                            .left = on_left,
                                            .fetched = on_fetched};

struct stage *stage_new(void)
{
    struct od_error err;
    struct stage *stage = od_allocate_zeroed(sizeof *stage);
    if (!od_loop_init(&stage->loop, &err) ||
        !od_net_init(&stage->net, &stage->loop, &events, stage, &err))
        od_panic(__FILE__, __LINE__, "%s", err.text);
    return stage;
}

void stage_free(struct stage *stage)
{
    od_net_deinit(&stage->net);
    od_loop_deinit(&stage->loop);
    od_bytes_deinit(&stage->story);
    free(stage);
}

struct od_net *stage_net(struct stage *stage)
{
    return &stage->net;
}

struct od_net_limits *stage_limits(struct stage *stage)
{
    return &stage->net.limits;
}

bool stage_connect(struct stage *stage, int fd, const char *read, size_t size)
{
    struct od_error err;
    struct od_newcomer newcomer = {
        .place = OD_PAGE_NO_PLACE, .peer = OD_SLICE("192.0.2.1"), .bytes = {read, size}};
    return od_exchange_adopt(&stage->net, fd, &newcomer, &err);
}

void stage_turn(struct stage *stage)
{
    od_loop_poll(&stage->loop, false);
    od_net_read(&stage->net);
    od_net_read_on(&stage->net);
    od_net_flush(&stage->net);
}

const char *stage_story(struct stage *stage)
{
    od_bytes_put_u8(&stage->story, 0);
    od_bytes_clear(&stage->story);
    return stage->story.at;
}

const char *stage_error(struct stage *stage)
{
    return stage->error;
}

size_t stage_inflating_bytes(struct stage *stage)
{
    return stage->net.inflating_bytes;
}

bool stage_answer(struct stage *stage, uint64_t number, int status, const char *body,
                  const char *header, const char *value)
{
    struct od_exchange *exchange = od_net_exchange(&stage->net, number);
    struct od_bytes response = {0};
    size_t mark = od_response_begin(&response, (uint16_t)status);
    if (header != NULL)
        od_headers_put(&response, od_slice_of(header), od_slice_of(value));
    od_response_end(&response, mark, header != NULL, od_slice_of(body));
    if (exchange != NULL)
        od_exchange_answer(exchange, od_bytes_slice(&response));
    od_bytes_deinit(&response);
    return exchange != NULL;
}

// The connection stays in its net, or goes to that of [other].
static bool upgrade(struct stage *stage, struct stage *other, struct od_exchange *exchange,
                    struct od_websocket *websocket, od_slice response, struct od_error *err)
{
    struct od_bytes record = {0};
    struct od_wire *wire;
    int fd;
    bool stays = stage == other;
    bool done = stays ? od_exchange_become(exchange, response, &record, &wire, err)
                      : od_exchange_upgrade(exchange, response, &record, &fd, err);
    if (done && stays)
        done = od_websocket_take(websocket, od_bytes_slice(&record), wire, err);
    else if (done)
        done = od_websocket_attach(websocket, od_bytes_slice(&record), fd, err);
    od_bytes_deinit(&record);
    return done;
}

struct od_websocket *stage_websocket(struct stage *stage, uint64_t number)
{
    return number < sockets_max ? stage->sockets[number] : NULL;
}

struct od_websocket *stage_websocket_new(struct stage *stage, uint64_t number)
{
    if (number >= sockets_max || stage->sockets[number] != NULL)
        abort();
    stage->sockets[number] = od_websocket_new(&stage->net, (void *)(uintptr_t)number, false);
    return stage->sockets[number];
}

void stage_websocket_free(struct stage *stage, uint64_t number)
{
    od_websocket_free(stage->sockets[number]);
    stage->sockets[number] = NULL;
}

// [other] takes the socket, which it may have made already.
bool stage_upgrade(struct stage *stage, struct stage *other, uint64_t number, uint64_t socket,
                   const char *protocol)
{
    struct od_error err = {{0}};
    struct od_bytes response = {0};
    size_t mark = od_response_begin_with(&response, 101, OD_RESPONSE_SOCKET, 0, socket);
    if (protocol != NULL)
        od_headers_put(&response, OD_SLICE("sec-websocket-protocol"), od_slice_of(protocol));
    od_response_end(&response, mark, protocol != NULL, (od_slice){0});
    struct od_websocket *websocket = stage_websocket(other, socket);
    bool is_new = websocket == NULL;
    if (is_new)
        websocket = stage_websocket_new(other, socket);
    bool done = upgrade(stage, other, od_net_exchange(&stage->net, number), websocket,
                        od_bytes_slice(&response), &err);
    if (!done && is_new)
        stage_websocket_free(other, socket);
    snprintf(stage->error, sizeof stage->error, "%s", err.text);
    od_bytes_deinit(&response);
    return done;
}

// How far the clock is turned. The page is that of this process, whoever made it first.
int64_t *stage_clock(void)
{
    static struct od_fault_page *page;
    char made[] = "/tmp/open-do-page-XXXXXX";
    const char *path = getenv("OPEN_DO_TEST_PAGE");
    if (page != NULL)
        return &page->clock_offset_ms;
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : mkostemp(made, O_CLOEXEC);
    if (fd < 0 || (path == NULL && ftruncate(fd, sizeof *page) != 0))
        abort();
    setenv("OPEN_DO_TEST_PAGE", made, path == NULL);
    od_fault_open();
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return &page->clock_offset_ms;
}
