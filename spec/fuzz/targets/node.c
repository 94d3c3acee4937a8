// What another node says, before it has proved who it is and after: nothing of it may do more than
// cut the line. The first byte says which (255: before, and beneath
// a veil); the rest are the bytes of the line.

#include "fuzz.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "node/channel.h"
#include "node/line.h"
#include "node/neighbour.h"
#include "node/tunnel.h"
#include "tls/veil.h"

static struct od_options options = {.workers = 2};

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    (void)link, (void)kind, (void)body;
    if (fd >= 0)
        close(fd);
}

static void on_gone(struct od_link *link)
{
    od_link_close(link);
}

static const struct od_link_events main_events = {on_message, on_gone, NULL};

static void pair(int fds[2])
{
    struct od_error err;
    bool ok = od_link_pair(fds, &err);
    OD_ASSERT(ok);
}

static struct od_veils *veils(void)
{
    static const uint8_t key[OD_VEIL_KEY_BYTES] = {1};
    static struct od_veils *made;
    if (made == NULL)
        made = od_veils_new(key);
    return made;
}

// Of two workers here and two there, of which one has a link to one.
static void begin(struct od_node *node, int ends[2])
{
    int fds[2];
    struct od_error err;
    od_log_setup(OD_LOG_TEXT, OD_LOG_ERROR);
    *node =
        (struct od_node){.options = &options, .id = 1, .life = 1, .workers = 3, .veils = veils()};
    od_list_init(&node->lines);
    od_list_init(&node->busy);
    od_map_init(&node->channels);
    for (size_t i = 0; i < OD_SEATS_MAX; i++)
        node->neighbours[i].node = node;
    od_bytes_put_slice(&node->secret, OD_SLICE("a secret that all of them know"));
    od_bytes_put_slice(&node->cluster, OD_SLICE("cluster"));
    bool ok = od_loop_init(&node->loop, &err);
    pair(fds);
    ok = ok && od_link_init(&node->main, &node->loop.uv, fds[0], &main_events, node, &err);
    OD_ASSERT(ok);
    ends[0] = fds[1];
    od_neighbour_set(node, 0, 2, 1, OD_SLICE(""));
    pair(fds);
    od_channel_pair(node, 0, od_seat_place(2, (struct od_seated){0, 0}), fds[0]);
    ends[1] = fds[1];
}

// As if the other side had proved who it is.
static void prove(struct od_node *node, struct od_line *line)
{
    static const char nonce[OD_NONCE_BYTES];
    struct od_hello hello = {.version = OD_NODE_VERSION,
                             .cluster = OD_SLICE("cluster"),
                             .id = 2,
                             .life = 1,
                             .workers = 2,
                             .nonce = {nonce, sizeof nonce}};
    od_hello_put(&line->heard, &hello);
    bool ok = od_hello_read(od_bytes_slice(&line->heard), &line->hello);
    OD_ASSERT(ok);
    line->neighbour = &node->neighbours[0];
    node->stranger_count--;
    line->is_proved = true;
    od_link_set_far(&line->wire, OD_NODE_MESSAGE_BYTES_MAX);
    od_neighbour_linked(line->neighbour, line);
}

static void turn(struct od_node *node)
{
    od_loop_poll(&node->loop, false);
    od_channels_flush(node);
    od_lines_flush(node);
    od_link_flush(&node->main);
}

static void end(struct od_node *node)
{
    if (!node->main.is_closing)
        od_link_close(&node->main);
    OD_LIST_EACH_SAFE (link, &node->lines)
        od_line_cut(OD_LIST_MEMBER(link, struct od_line, link), "over");
    od_neighbours_close(node);
    od_channels_close(node);
    od_loop_deinit(&node->loop);
    od_bytes_deinit(&node->secret);
    od_bytes_deinit(&node->cluster);
    od_bytes_deinit(&node->why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct od_node node;
    struct od_error err;
    int ends[2], fds[2];
    if (size == 0)
        return 0;
    begin(&node, ends);
    pair(fds);
    struct od_line *line = od_line_new(&node, fds[0], NULL, data[0] == 255, &err);
    OD_ASSERT(line != NULL);
    if (data[0] != 0 && line->veil == NULL)
        prove(&node, line);
    ssize_t sent = size == 1 ? 0 : send(fds[1], data + 1, size - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent;
    for (int i = 0; i < 4; i++)
        turn(&node);
    close(fds[1]);
    turn(&node);
    end(&node);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
