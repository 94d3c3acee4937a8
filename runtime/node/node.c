#include "node/node.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/cursor.h"
#include "base/log.h"
#include "node/channel.h"
#include "node/line.h"
#include "node/neighbour.h"

static void check(const struct od_node *node)
{
    OD_ASSERT(node->id < OD_NODE_IDS_MAX);
    OD_ASSERT(node->stranger_count <= OD_NODE_STRANGERS_MAX);
    OD_ASSERT(node->secret.size >= OD_NODE_SECRET_BYTES_MIN);
}

// --- Workers, here and there ---------------------------------------------------------------------

struct worker_news {
    uint32_t worker; // To main: its place.
    uint32_t life;
    bool is_there;
    bool all;
    struct od_cursor calls; // (u32 caller, u64 call)*
};

enum {
    call_bytes = 12
};

static bool read_news(od_slice body, struct worker_news *news)
{
    struct od_cursor cursor = od_cursor_of(body);
    news->worker = od_cursor_u32(&cursor);
    news->life = od_cursor_u32(&cursor);
    news->is_there = od_cursor_u8(&cursor) != 0;
    news->all = od_cursor_u8(&cursor) != 0;
    od_slice calls = od_cursor_rest(&cursor);
    news->calls = od_cursor_of(calls);
    return !cursor.failed && calls.size % call_bytes == 0;
}

static size_t begin_news(struct od_link *link, uint32_t worker, const struct worker_news *news)
{
    size_t mark = od_link_begin(link, OD_KIND_NODE_WORKER, -1);
    od_bytes_put_u32(&link->out, worker);
    od_bytes_put_u32(&link->out, news->life);
    od_bytes_put_u8(&link->out, news->is_there);
    od_bytes_put_u8(&link->out, news->all);
    return mark;
}

// Of the calls those that are of workers of that neighbour.
static void tell_neighbour(struct od_neighbour *neighbour, const struct worker_news *news)
{
    uint32_t count = neighbour->node->options->workers;
    struct od_link *wire = &neighbour->line->wire;
    struct od_cursor calls = news->calls;
    size_t mark = begin_news(wire, news->worker, news);
    while (!od_cursor_at_end(&calls)) {
        uint32_t place = od_cursor_u32(&calls);
        uint64_t call = od_cursor_u64(&calls);
        struct od_seated seated = od_seat_of(count, place);
        if (place <= count || seated.seat != od_node_seat(neighbour))
            continue;
        od_bytes_put_u32(&wire->out, seated.worker);
        od_bytes_put_u64(&wire->out, call);
    }
    od_link_end(wire, mark);
}

static void tell_neighbours(struct od_node *node, const struct worker_news *news)
{
    for (size_t i = 0; i < OD_SEATS_MAX; i++) {
        if (node->neighbours[i].line != NULL)
            tell_neighbour(&node->neighbours[i], news);
    }
}

// Of a worker here, from main.
static void take_worker(struct od_node *node, od_slice body)
{
    struct worker_news news;
    bool is_sound = read_news(body, &news) && news.worker < node->options->workers;
    OD_ASSERT(is_sound);
    if (news.is_there) {
        node->workers |= UINT64_C(1) << news.worker;
        node->lives[news.worker]++;
    } else {
        od_channels_end_worker(node, news.worker);
        node->workers &= ~(UINT64_C(1) << news.worker);
    }
    news.life = node->lives[news.worker];
    tell_neighbours(node, &news);
}

static bool are_callers_known(const struct od_node *node, struct od_cursor calls)
{
    while (!od_cursor_at_end(&calls)) {
        if (od_cursor_u32(&calls) >= node->options->workers)
            return false;
        (void)od_cursor_u64(&calls);
    }
    return true;
}

bool od_node_receive_worker(struct od_neighbour *neighbour, od_slice body)
{
    struct worker_news news;
    struct od_node *node = neighbour->node;
    OD_ASSERT(neighbour->line != NULL);
    if (!read_news(body, &news) || news.worker >= neighbour->line->hello.workers ||
        !are_callers_known(node, news.calls))
        return false;
    uint32_t place = od_seat_place(node->options->workers,
                                   (struct od_seated){od_node_seat(neighbour), news.worker});
    od_channels_end_place(node, place);
    neighbour->lives[news.worker] = news.life;
    size_t mark = begin_news(&node->main, place, &news);
    od_bytes_put_slice(&node->main.out, od_cursor_rest(&news.calls));
    od_link_end(&node->main, mark);
    return true;
}

static void tell_who_is_there(struct od_neighbour *neighbour)
{
    const struct od_node *node = neighbour->node;
    for (uint32_t i = 0; i < node->options->workers; i++) {
        struct worker_news news = {.worker = i, .life = node->lives[i], .is_there = true};
        if ((node->workers >> i & 1) != 0)
            tell_neighbour(neighbour, &news);
    }
}

void od_node_say_state(struct od_neighbour *neighbour)
{
    struct od_node *node = neighbour->node;
    const struct od_line *line = neighbour->line;
    if (node->main.is_gone)
        return;
    size_t mark = od_link_begin(&node->main, OD_KIND_NODE_STATE, -1);
    od_bytes_put_u32(&node->main.out, od_node_seat(neighbour));
    od_bytes_put_u32(&node->main.out, line == NULL ? 0 : line->hello.workers);
    od_link_end(&node->main, mark);
    if (line != NULL)
        tell_who_is_there(neighbour);
}

// --- Main ----------------------------------------------------------------------------------------

static void take_self(struct od_node *node, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    OD_ASSERT(node->id == 0);
    node->id = od_cursor_u32(&cursor);
    node->life = od_cursor_u64(&cursor);
    od_bytes_put_slice(&node->cluster, od_cursor_string(&cursor));
    OD_ASSERT(!cursor.failed);
    od_neighbours_start(node);
}

static void take_known(struct od_node *node, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint32_t seat = od_cursor_u32(&cursor), id = od_cursor_u32(&cursor);
    uint64_t life = od_cursor_u64(&cursor);
    od_slice address = od_cursor_string(&cursor);
    OD_ASSERT(!cursor.failed);
    od_neighbour_set(node, seat, id, life, address);
}

static void take_caller(struct od_node *node, int fd)
{
    if (fd >= 0 && node->id == 0)
        close(fd);
    else if (fd >= 0)
        od_line_take_stranger(node, fd);
}

static void take_pair(struct od_node *node, od_slice body, int fd)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint32_t worker = od_cursor_u32(&cursor), place = od_cursor_u32(&cursor);
    OD_ASSERT(!cursor.failed);
    if (fd >= 0)
        od_channel_pair(node, worker, place, fd);
}

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct od_node *node = link->owner;
    check(node);
    bool takes_fd = kind == OD_KIND_NODE_CALLER || kind == OD_KIND_NODE_PAIR;
    if (fd >= 0 && !takes_fd)
        close(fd);
    if (kind == OD_KIND_NODE_SELF)
        take_self(node, body);
    else if (kind == OD_KIND_NODE_KNOWN)
        take_known(node, body);
    else if (kind == OD_KIND_NODE_CALLER)
        take_caller(node, fd);
    else if (kind == OD_KIND_NODE_PAIR)
        take_pair(node, body, fd);
    else if (kind == OD_KIND_NODE_WORKER)
        take_worker(node, body);
    else if (kind == OD_KIND_TURN)
        od_link_send(link, OD_KIND_TURN, (od_slice){NULL, 0}, -1);
}

static void on_gone(struct od_link *link)
{
    od_link_close(link);
}

static void on_closed(struct od_link *link)
{
    ((struct od_node *)link->owner)->has_link = false;
}

static const struct od_link_events link_events = {on_message, on_gone, on_closed};

// --- Its life ------------------------------------------------------------------------------------

static void say_failed(struct od_node *node, const struct od_error *err)
{
    struct od_bytes body = {0};
    od_bytes_put_string(&body, od_slice_of(err->text));
    od_link_send(&node->main, OD_KIND_LOAD_FAILED, od_bytes_slice(&body), -1);
    od_link_flush_all(&node->main);
    od_bytes_deinit(&body);
}

static void serve(struct od_node *node)
{
    od_link_send(&node->main, OD_KIND_READY, (od_slice){NULL, 0}, -1);
    od_link_flush(&node->main);
    while (node->has_link) {
        od_loop_poll(&node->loop, true);
        od_channels_flush(node);
        od_lines_flush(node);
        od_link_flush(&node->main);
        od_log_settle(false);
        od_confine_report();
    }
}

// What workers have said last is to reach the others: where a client's socket goes on rests on it.
// Main does not wait for long (main/nodes/node_process.c).
static void end_line(struct od_line *line)
{
    if (line->is_proved)
        od_link_flush_all(&line->wire);
    od_line_cut(line, "this node ends");
}

static void close_all(struct od_node *node)
{
    if (node->has_link && !node->main.is_closing)
        od_link_close(&node->main);
    OD_LIST_EACH_SAFE (link, &node->lines)
        end_line(OD_LIST_MEMBER(link, struct od_line, link));
    od_neighbours_close(node);
    od_channels_close(node);
    od_loop_deinit(&node->loop);
    od_veils_free(node->veils);
    od_bytes_deinit(&node->secret);
    od_bytes_deinit(&node->cluster);
    od_bytes_deinit(&node->why);
    od_log_settle(true);
}

static void init(struct od_node *node, const struct od_options *options)
{
    *node = (struct od_node){.options = options};
    od_list_init(&node->lines);
    od_list_init(&node->busy);
    od_map_init(&node->channels);
    for (size_t i = 0; i < OD_SEATS_MAX; i++)
        node->neighbours[i].node = node;
}

// Before it is confined, for OpenSSL reads files.
static bool read_secret(struct od_node *node, struct od_error *err)
{
    uint8_t key[OD_VEIL_KEY_BYTES];
    if (!od_secret_read(node->options->cluster_secret_file, &node->secret, err))
        return false;
    od_secret_key(od_bytes_slice(&node->secret), key);
    node->veils = od_veils_new(key);
    return true;
}

int od_node_main(const struct od_options *options, int link_fd)
{
    struct od_error err;
    struct od_node *node = od_allocate(sizeof *node);
    init(node, options);
    if (options->confine)
        od_confine_prepare();
    if (!od_loop_init(&node->loop, &err) ||
        !od_link_init(&node->main, &node->loop.uv, link_fd, &link_events, node, &err)) {
        od_log(OD_LOG_ERROR, NULL, "the process for other nodes cannot start: %s", err.text);
        return OD_EXIT_WRONG;
    }
    node->has_link = true;
    bool ok = read_secret(node, &err);
    if (!ok)
        say_failed(node, &err);
    if (options->confine && !od_confine(&err))
        od_log(OD_LOG_WARN, NULL, "the process for other nodes: %s", err.text);
    if (ok)
        serve(node);
    close_all(node);
    free(node);
    return ok ? OD_EXIT_CLEAN : OD_EXIT_WRONG;
}
