#include "net/dial.h"

#include <stdlib.h>
#include <sys/random.h>

#include "codec/client_handshake.h"
#include "codec/upgrade_record.h"
#include "net/connect.h"
#include "net/wire.h"

struct od_dials { // Of one worker.
    struct od_map by_number;
    struct od_list waiting;
    uint32_t running_count;
};

struct dial {
    struct od_map_node node;
    uint64_t number;
    struct od_net *net;
    struct od_list waiting; // In the dials' queue, until it runs.
    bool runs;
    struct od_url target; // Its scheme is http or https, as libcurl knows them.
    struct od_bytes url;  // As it was given,
    struct od_bytes protocols, headers;
    struct od_connect *connect; // Until there is a connection;
    struct od_wire *wire;       // then the handshake is spoken on it.
    struct od_client_handshake handshake;
    struct od_bytes in;  // What has come, from the answer's first byte on.
    bool is_answered;    // As it should be.
    struct od_error why; // There will be no connection.
    bool has_failed;
    struct od_timer timer; // For all of it; or 0, for the end.
};

// --- URLs ----------------------------------------------------------------------------------------

static bool set_scheme(struct od_url *url)
{
    od_slice scheme = od_bytes_slice(&url->scheme);
    bool is_secure =
        od_slice_equal(scheme, OD_SLICE("wss")) || od_slice_equal(scheme, OD_SLICE("https"));
    if (!is_secure && !od_slice_equal(scheme, OD_SLICE("ws")) &&
        !od_slice_equal(scheme, OD_SLICE("http")))
        return false;
    od_bytes_clear(&url->scheme);
    od_bytes_put_slice(&url->scheme, is_secure ? OD_SLICE("https") : OD_SLICE("http"));
    return true;
}

static bool read_url(struct od_url *url, od_slice text, struct od_error *err)
{
    if (text.size > OD_DIAL_URL_BYTES_MAX)
        return od_error_set(err, "the URL is longer than %d bytes", OD_DIAL_URL_BYTES_MAX);
    if (!od_url_parse(url, text, NULL, err))
        return od_error_prefix(err, "this is not a URL");
    if (!set_scheme(url))
        return od_error_set(err, "the URL of a WebSocket begins with ws:// or wss://");
    if (url->username.size > 0 || url->password.size > 0)
        return od_error_set(err, "a URL with a user name or password is not dialled; send the "
                                 "header Authorization");
    return true;
}

bool od_dial_check(od_slice text, struct od_error *err)
{
    struct od_url url = {0};
    bool ok = read_url(&url, text, err);
    od_url_deinit(&url);
    return ok;
}

// --- Its end -------------------------------------------------------------------------------------

static void run_next(struct od_dials *dials);

static struct dial *find(const struct od_net *net, uint64_t number)
{
    struct od_map_node *node =
        net->dials == NULL ? NULL : od_map_find_number(&net->dials->by_number, number);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct dial, node);
}

static void dial_free(struct dial *dial)
{
    struct od_dials *dials = dial->net->dials;
    if (dial->wire != NULL)
        od_wire_abort(dial->wire);
    if (dial->connect != NULL)
        od_connect_free(dial->connect);
    od_loop_clear_timer(dial->net->loop, &dial->timer);
    od_list_remove(&dial->waiting);
    od_map_remove(&dials->by_number, &dial->node);
    OD_ASSERT(!dial->runs || dials->running_count > 0);
    dials->running_count -= dial->runs;
    od_url_deinit(&dial->target);
    od_bytes_deinit(&dial->url);
    od_bytes_deinit(&dial->protocols);
    od_bytes_deinit(&dial->headers);
    od_bytes_deinit(&dial->in);
    free(dial);
    run_next(dials);
}

static void tell(struct od_net *net, uint64_t number, int fd, od_slice bytes)
{
    net->events->dialled(net->owner, number, fd, bytes);
}

static void end_without_connection(struct dial *dial)
{
    struct od_net *net = dial->net;
    uint64_t number = dial->number;
    struct od_error why = dial->why;
    dial_free(dial);
    tell(net, number, -1, od_slice_of(why.text));
}

static void end_with_connection(struct dial *dial)
{
    struct od_net *net = dial->net;
    uint64_t number = dial->number;
    struct od_bytes unsent = {0}, record = {0};
    struct od_client_handshake_answer answer; // Anew, as its bytes may lie elsewhere since.
    (void)!od_client_handshake_read(&dial->handshake, od_bytes_slice(&dial->in), &answer,
                                    &dial->why);
    int fd = od_wire_release(dial->wire, &unsent);
    dial->wire = NULL;
    struct od_upgrade_record upgrade = {.output = od_bytes_slice(&unsent),
                                        .window_bits = answer.window_bits,
                                        .is_client = true,
                                        .protocol = answer.protocol,
                                        .url = od_bytes_slice(&dial->url),
                                        .input =
                                            od_slice_from(od_bytes_slice(&dial->in), answer.bytes)};
    od_upgrade_record_put(&record, &upgrade);
    od_bytes_deinit(&unsent);
    dial_free(dial);
    tell(net, number, fd, od_bytes_slice(&record));
    od_bytes_deinit(&record);
}

// Told from a timer: what has come of it may have been seen deep inside a library.
static void end_soon(struct dial *dial)
{
    od_loop_set_timer(dial->net->loop, &dial->timer, 0);
}

static void fail(struct dial *dial)
{
    dial->has_failed = true;
    end_soon(dial);
}

static void on_timer(struct od_timer *timer)
{
    struct dial *dial = OD_TIMER_MEMBER(timer, struct dial, timer);
    if (dial->is_answered && dial->wire != NULL) {
        end_with_connection(dial);
        return;
    }
    if (!dial->has_failed)
        (void)od_error_set(&dial->why,
                           dial->wire == NULL ? "there was no connection within %d s"
                                              : "the server did not answer within %d s",
                           OD_DIAL_MS_MAX / 1000);
    end_without_connection(dial);
}

// --- The handshake -------------------------------------------------------------------------------

static void on_stirs(void *owner)
{
    (void)owner; // Nobody keeps it yet.
}

static void on_bytes(void *owner, char *at, size_t size)
{
    struct dial *dial = owner;
    od_bytes_put(&dial->in, at, size);
    if (dial->has_failed || dial->is_answered)
        return;
    struct od_client_handshake_answer answer;
    enum od_http_outcome outcome =
        od_client_handshake_read(&dial->handshake, od_bytes_slice(&dial->in), &answer, &dial->why);
    if (outcome == OD_HTTP_MORE)
        return;
    od_wire_pause(dial->wire); // What follows is for who comes next.
    dial->is_answered = outcome == OD_HTTP_DONE;
    dial->has_failed = outcome == OD_HTTP_BAD;
    end_soon(dial);
}

// Behind a whole answer, that is for who comes next, too.
static void on_half_ended(void *owner)
{
    struct dial *dial = owner;
    if (dial->is_answered || dial->has_failed)
        return;
    (void)od_error_set(&dial->why, "the server closed the connection without an answer");
    fail(dial);
}

static void on_ended(void *owner)
{
    struct dial *dial = owner;
    dial->wire = NULL;
    if (!dial->has_failed)
        (void)od_error_set(&dial->why, "the connection ended before the answer was whole");
    fail(dial);
}

static const struct od_wire_protocol protocol = {on_stirs, NULL, on_bytes, on_half_ended, on_ended};

static void ask(struct dial *dial, int fd)
{
    uint8_t chance[16];
    OD_ASSERT(dial->wire == NULL);
    if (!od_wire_adopt(dial->net, fd, &protocol, dial, &dial->wire, &dial->why)) {
        dial->wire = NULL;
        fail(dial);
        return;
    }
    ssize_t got = getrandom(chance, sizeof chance, 0);
    OD_ASSERT(got == sizeof chance);
    struct od_cursor headers = od_cursor_of(od_bytes_slice(&dial->headers));
    od_client_handshake_begin(&dial->handshake, chance, od_bytes_slice(&dial->protocols));
    od_client_handshake_put(&dial->handshake, &dial->target, od_headers_read(&headers),
                            od_wire_out(dial->wire));
}

static void on_connected(void *owner, int fd, const struct od_error *why)
{
    struct dial *dial = owner;
    dial->connect = NULL;
    if (fd >= 0) {
        ask(dial, fd);
        return;
    }
    dial->why = *why;
    fail(dial);
}

// --- Whose turn it is ----------------------------------------------------------------------------

// False: the text says why not.
static bool begin(struct dial *dial)
{
    if (!read_url(&dial->target, od_bytes_slice(&dial->url), &dial->why))
        return false;
    dial->connect =
        od_connect_start(dial->net, &dial->target, OD_CONNECT_HTTP, on_connected, dial, &dial->why);
    return dial->connect != NULL;
}

static void run(struct dial *dial)
{
    OD_ASSERT(!dial->runs);
    dial->runs = true;
    dial->net->dials->running_count++;
    od_loop_set_timer(dial->net->loop, &dial->timer, OD_DIAL_MS_MAX);
    if (!begin(dial))
        fail(dial);
}

static void run_next(struct od_dials *dials)
{
    struct od_list *link;
    while (dials->running_count < OD_DIALS_MAX &&
           (link = od_list_pop_front(&dials->waiting)) != NULL)
        run(OD_LIST_MEMBER(link, struct dial, waiting));
}

// --- From outside --------------------------------------------------------------------------------

static struct od_dials *dials_new(void)
{
    struct od_dials *dials = od_allocate_zeroed(sizeof *dials);
    od_map_init(&dials->by_number);
    od_list_init(&dials->waiting);
    return dials;
}

void od_dial_start(struct od_net *net, uint64_t number, const struct od_dial_way *way)
{
    if (net->dials == NULL)
        net->dials = dials_new();
    OD_ASSERT(find(net, number) == NULL);
    struct dial *dial = od_allocate_zeroed(sizeof *dial);
    dial->net = net;
    dial->number = number;
    dial->timer.fire = on_timer;
    od_bytes_put_slice(&dial->url, way->url);
    od_bytes_put_slice(&dial->protocols, way->protocols);
    od_bytes_put_slice(&dial->headers, way->headers);
    od_map_put_number(&net->dials->by_number, &dial->node, number);
    od_list_init(&dial->waiting);
    od_list_push_back(&net->dials->waiting, &dial->waiting);
    run_next(net->dials);
}

void od_dial_cancel(struct od_net *net, uint64_t number)
{
    struct dial *dial = find(net, number);
    if (dial != NULL)
        dial_free(dial);
}

bool od_dials_are_running(const struct od_net *net)
{
    return net->dials != NULL && net->dials->by_number.size > 0;
}

void od_dials_free(struct od_net *net)
{
    struct od_map_node *node;
    if (net->dials == NULL)
        return;
    while ((node = od_map_next(&net->dials->by_number, NULL)) != NULL) {
        struct dial *dial = OD_MAP_MEMBER(node, struct dial, node);
        od_list_remove(&dial->waiting); // Nobody takes a place that becomes free.
        dial_free(dial);
    }
    od_map_deinit(&net->dials->by_number);
    free(net->dials);
    net->dials = NULL;
}
