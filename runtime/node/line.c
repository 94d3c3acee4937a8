#include "node/line.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cursor.h"
#include "base/log.h"
#include "node/channel.h"
#include "node/neighbour.h"
#include "node/node.h"
#include "node/tunnel.h"
#include "tls/veil.h"

static void check(const struct od_line *line)
{
    OD_ASSERT(!line->is_proved || line->neighbour != NULL);
    OD_ASSERT(!line->is_proved || line->heard.size > 0);
    OD_ASSERT(!line->is_ours || line->neighbour != NULL || line->is_over);
    OD_ASSERT(line->is_proved || line->tunnels.size == 0);
}

// --- The end -------------------------------------------------------------------------------------

// Of a stranger nobody knows whether it says the truth, and it may come again and again.
static void log_stranger(struct od_node *node, const char *why)
{
    if (od_slice_equal(od_bytes_slice(&node->why), od_slice_of(why)))
        return;
    od_bytes_clear(&node->why);
    od_bytes_put_slice(&node->why, od_slice_of(why));
    od_log(OD_LOG_WARN, NULL, "a connection to where nodes are linked is refused: %s", why);
}

void od_line_cut(struct od_line *line, const char *why)
{
    if (line->is_over)
        return;
    check(line);
    struct od_node *node = line->node;
    struct od_neighbour *neighbour = line->neighbour;
    line->is_over = true;
    od_loop_clear_timer(&node->loop, &line->timer);
    od_tunnels_close(line);
    od_list_remove(&line->link);
    od_link_close(&line->wire);
    if (neighbour == NULL) {
        OD_ASSERT(node->stranger_count > 0);
        node->stranger_count--;
        log_stranger(node, why);
    } else {
        od_neighbour_unlinked(neighbour, line, why);
    }
    line->neighbour = NULL;
}

static void on_closed(struct od_link *link)
{
    struct od_line *line = link->owner;
    OD_ASSERT(line->is_over);
    od_veil_free(line->veil);
    od_bytes_deinit(&line->said);
    od_bytes_deinit(&line->heard);
    od_map_deinit(&line->tunnels);
    free(line);
}

static void on_gone(struct od_link *link)
{
    struct od_line *line = link->owner;
    bool is_mute = line->heard.size == 0;
    const char *why = line->veil == NULL ? NULL : od_veil_why(line->veil);
    od_line_cut(line, why != NULL     ? why
                      : !is_mute      ? "the connection has ended"
                      : line->is_ours ? "nobody answers there"
                                      : "it has said nothing that can be understood");
}

// --- Signs of life -------------------------------------------------------------------------------

static void on_time(struct od_timer *timer)
{
    struct od_line *line = OD_TIMER_MEMBER(timer, struct od_line, timer);
    struct od_node *node = line->node;
    if (!line->is_proved) {
        od_line_cut(line, "it has not proved in time who it is");
        return;
    }
    if (od_clock_monotonic_ms() - line->heard_ms >= OD_NODE_SILENT_MS_MAX) {
        od_line_cut(line, "nothing is heard of it");
        return;
    }
    line->news_count = 0;
    od_link_send(&line->wire, OD_KIND_NODE_PING, (od_slice){NULL, 0}, -1);
    od_loop_set_timer(&node->loop, timer, OD_NODE_PING_MS);
}

// --- Hello and proof -----------------------------------------------------------------------------

static void make_proof(const struct od_line *line, bool is_dialler, uint8_t proof[OD_PROOF_BYTES])
{
    od_slice said = od_bytes_slice(&line->said), heard = od_bytes_slice(&line->heard);
    od_proof_make(od_bytes_slice(&line->node->secret), is_dialler, line->is_ours ? said : heard,
                  line->is_ours ? heard : said, proof);
}

static void send_proof(struct od_line *line)
{
    uint8_t proof[OD_PROOF_BYTES];
    make_proof(line, line->is_ours, proof);
    od_link_send(&line->wire, OD_KIND_NODE_PROOF, (od_slice){(const char *)proof, sizeof proof},
                 -1);
}

static void take_hello(struct od_line *line, od_slice body)
{
    struct od_error err;
    struct od_hello own;
    bool is_own = od_hello_read(od_bytes_slice(&line->said), &own);
    OD_ASSERT(is_own);
    od_bytes_put_slice(&line->heard, body);
    if (!od_hello_read(od_bytes_slice(&line->heard), &line->hello))
        od_line_cut(line, "it says nothing that a node says");
    else if (!od_hello_fits(&own, &line->hello, &err))
        od_line_cut(line, err.text);
    else if (line->is_ours && line->hello.id != line->neighbour->id)
        od_line_cut(line, "another node answers at its address");
    else if (line->is_ours)
        send_proof(line);
}

// Whom we have not heard of by the engine we do not know.
static bool find_neighbour(struct od_line *line)
{
    if (line->is_ours)
        return line->neighbour->life <= line->hello.life;
    struct od_neighbour *neighbour = od_neighbour_find(line->node, line->hello.id);
    if (neighbour == NULL || line->hello.life < neighbour->life)
        return false;
    OD_ASSERT(line->node->stranger_count > 0);
    line->node->stranger_count--;
    line->neighbour = neighbour;
    return true;
}

static void take_proof(struct od_line *line, od_slice body)
{
    uint8_t proof[OD_PROOF_BYTES];
    make_proof(line, !line->is_ours, proof);
    if (!od_proof_is(body, proof)) {
        od_line_cut(line, "it does not know the secret of this cluster");
        return;
    }
    if (!find_neighbour(line)) {
        od_line_cut(line, "it is no node that is known to live");
        return;
    }
    if (!line->is_ours)
        send_proof(line);
    line->is_proved = true;
    od_link_set_far(&line->wire, OD_NODE_MESSAGE_BYTES_MAX);
    od_loop_set_timer(&line->node->loop, &line->timer, OD_NODE_PING_MS);
    od_neighbour_linked(line->neighbour, line);
}

// --- Messages ------------------------------------------------------------------------------------

// Each makes work for main, which has better to do; a long one as much as several.
static bool take_worker(struct od_line *line, od_slice body)
{
    line->news_count += 1 + (uint32_t)(body.size / OD_NODE_NEWS_BYTES);
    if (line->news_count <= OD_NODE_NEWS_MAX)
        return od_node_receive_worker(line->neighbour, body);
    od_line_cut(line, "it says too often that workers have come or gone");
    return true;
}

static bool take_ping(struct od_line *line, od_slice body)
{
    (void)line;
    return body.size == 0;
}

static bool (*const messages[OD_KIND_COUNT])(struct od_line *, od_slice) = {
    [OD_KIND_NODE_PING] = take_ping,
    [OD_KIND_NODE_WORKER] = take_worker,
    [OD_KIND_NODE_PIECE] = od_channel_receive_piece,
    [OD_KIND_NODE_TAKEN] = od_channel_receive_taken,
    [OD_KIND_TUNNEL_PIECE] = od_tunnel_receive_piece,
    [OD_KIND_TUNNEL_TAKEN] = od_tunnel_receive_taken,
    [OD_KIND_TUNNEL_END] = od_tunnel_receive_end,
};

static void take_proved(struct od_line *line, enum od_kind kind, od_slice body)
{
    char why[128];
    if (messages[kind] != NULL && messages[kind](line, body))
        return;
    snprintf(why, sizeof why, "it has sent a %s that makes no sense", od_kind_name(kind));
    od_line_cut(line, why);
}

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct od_line *line = link->owner;
    OD_ASSERT(fd < 0);
    if (line->is_over)
        return;
    line->heard_ms = od_clock_monotonic_ms();
    if (line->is_proved)
        take_proved(line, kind, body);
    else if (kind == OD_KIND_NODE_HELLO && line->heard.size == 0 && body.size > 0)
        take_hello(line, body);
    else if (kind == OD_KIND_NODE_PROOF && line->heard.size > 0)
        take_proof(line, body);
    else
        od_line_cut(line, "it speaks before it has proved who it is");
}

static const struct od_link_events link_events = {on_message, on_gone, on_closed};

// --- The beginning -------------------------------------------------------------------------------

static void say_hello(struct od_line *line)
{
    uint8_t nonce[OD_NONCE_BYTES];
    const struct od_node *node = line->node;
    int is_random = RAND_bytes(nonce, sizeof nonce);
    OD_ASSERT(is_random == 1);
    struct od_hello hello = {.version = OD_NODE_VERSION,
                             .cluster = od_bytes_slice(&node->cluster),
                             .id = node->id,
                             .life = node->life,
                             .workers = node->options->workers,
                             .nonce = {(const char *)nonce, sizeof nonce}};
    od_hello_put(&line->said, &hello);
    od_link_send(&line->wire, OD_KIND_NODE_HELLO, od_bytes_slice(&line->said), -1);
}

static bool is_number_one(const uint8_t address[16])
{
    static const uint8_t v6[16] = {[15] = 1};
    static const uint8_t v4[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
    return memcmp(address, v6, sizeof v6) == 0 || memcmp(address, v4, sizeof v4) == 0;
}

static struct od_from from_of(const struct sockaddr *address)
{
    struct od_from from = {.bytes = {[10] = 0xff, 0xff}};
    if (address->sa_family == AF_INET)
        memcpy(from.bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    else if (address->sa_family == AF_INET6)
        memcpy(from.bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    return from;
}

bool od_line_wants_veil(const struct sockaddr *dialled)
{
    return !is_number_one(from_of(dialled).bytes);
}

static void cover(struct od_line *line)
{
    OD_ASSERT(line->node->veils != NULL);
    line->veil = od_veil_new(line->node->veils, line->is_ours);
    od_link_set_cover(&line->wire, &od_veil_cover, line->veil);
}

struct od_line *od_line_new(struct od_node *node, int fd, struct od_neighbour *neighbour,
                            bool is_veiled, struct od_error *err)
{
    int on = 1;
    OD_ASSERT(node->id != 0);
    struct od_line *line = od_allocate_zeroed(sizeof *line);
    *line = (struct od_line){.node = node,
                             .neighbour = neighbour,
                             .is_ours = neighbour != NULL,
                             .timer = {.fire = on_time}};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!od_link_init(&line->wire, &node->loop.uv, fd, &link_events, line, err)) {
        free(line);
        return NULL;
    }
    od_link_set_far(&line->wire, OD_NODE_HELLO_BYTES_MAX);
    if (is_veiled)
        cover(line);
    od_map_init(&line->tunnels);
    od_list_init(&line->link);
    od_list_push_back(&node->lines, &line->link);
    node->stranger_count += neighbour == NULL;
    line->heard_ms = od_clock_monotonic_ms();
    od_loop_set_timer(&node->loop, &line->timer, OD_NODE_HELLO_MS_MAX);
    say_hello(line);
    return line;
}

// --- Strangers -----------------------------------------------------------------------------------

static size_t count_from(const struct od_node *node, const struct od_from *from)
{
    size_t count = 0;
    OD_LIST_EACH (link, &node->lines) {
        const struct od_line *line = OD_LIST_MEMBER(link, struct od_line, link);
        count += line->neighbour == NULL && memcmp(&line->from, from, sizeof *from) == 0;
    }
    return count;
}

// Who comes from elsewhere is not kept out by a crowd that says nothing, nor by its own a node that
// was there before: the oldest goes.
static void make_room(struct od_node *node)
{
    struct od_line *worst = NULL;
    size_t most = 0;
    OD_LIST_EACH (link, &node->lines) {
        struct od_line *line = OD_LIST_MEMBER(link, struct od_line, link);
        size_t count = line->neighbour == NULL ? count_from(node, &line->from) : 0;
        if (count > most)
            worst = line;
        most = count > most ? count : most;
    }
    OD_ASSERT(worst != NULL);
    od_line_cut(worst, "there are too many that have not proved who they are");
}

void od_line_take_stranger(struct od_node *node, int fd)
{
    struct od_error err;
    struct sockaddr_storage here = {0}, there = {0};
    socklen_t size = sizeof here;
    (void)!getsockname(fd, (struct sockaddr *)&here, &size);
    size = sizeof there;
    (void)!getpeername(fd, (struct sockaddr *)&there, &size);
    if (node->stranger_count == OD_NODE_STRANGERS_MAX)
        make_room(node);
    bool is_veiled = od_line_wants_veil((const struct sockaddr *)&here);
    struct od_line *line = od_line_new(node, fd, NULL, is_veiled, &err);
    if (line == NULL) {
        od_log(OD_LOG_ERROR, NULL, "a node cannot be linked: %s", err.text);
        return;
    }
    line->from = from_of((const struct sockaddr *)&there);
}

void od_lines_flush(struct od_node *node)
{
    OD_LIST_EACH (link, &node->lines)
        od_link_flush(&OD_LIST_MEMBER(link, struct od_line, link)->wire);
}
