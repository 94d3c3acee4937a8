#include "node/tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"

struct tunnel {
    struct od_map_node by_number;
    uint64_t number;
    struct od_line *line;
    int fd;
    uv_poll_t poll;
    int polled;
    struct od_bytes out; // From the other side, not written yet;
    size_t written;      // of it.
    size_t going;        // Sent to the other side, and not known to be taken there.
    size_t owed;         // Taken here, and not told.
    bool has_ended;      // Nothing more comes from [fd].
    bool far_has_ended;  // Nothing more comes from the other side,
    bool has_shut;       // and [fd] was told.
    bool is_over;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static struct tunnel *find(const struct od_line *line, uint64_t number)
{
    struct od_map_node *node = od_map_find_number(&line->tunnels, number);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct tunnel, by_number);
}

static void check(const struct tunnel *tunnel)
{
    OD_ASSERT(tunnel->written <= tunnel->out.size);
    OD_ASSERT(tunnel->going <= OD_TUNNEL_WINDOW_BYTES + OD_NODE_PIECE_BYTES);
    OD_ASSERT(!tunnel->has_shut || tunnel->far_has_ended);
}

static size_t waiting(const struct tunnel *tunnel)
{
    return tunnel->out.size - tunnel->written;
}

static void watch(struct tunnel *tunnel)
{
    check(tunnel);
    bool may_read = !tunnel->has_ended && tunnel->going < OD_TUNNEL_WINDOW_BYTES;
    int events = (may_read ? UV_READABLE : 0) | (waiting(tunnel) > 0 ? UV_WRITABLE : 0);
    if (events == tunnel->polled)
        return;
    int status =
        events == 0 ? uv_poll_stop(&tunnel->poll) : uv_poll_start(&tunnel->poll, events, on_poll);
    OD_ASSERT(status == 0);
    tunnel->polled = events;
}

// --- Beginning and end ---------------------------------------------------------------------------

static void on_closed(uv_handle_t *handle)
{
    struct tunnel *tunnel = handle->data;
    close(tunnel->fd);
    od_bytes_deinit(&tunnel->out);
    free(tunnel);
}

static void drop(struct tunnel *tunnel)
{
    OD_ASSERT(!tunnel->is_over);
    tunnel->is_over = true;
    od_map_remove(&tunnel->line->tunnels, &tunnel->by_number);
    uv_close((uv_handle_t *)&tunnel->poll, on_closed);
}

static void say_end(struct od_line *line, uint64_t number, bool all)
{
    size_t mark = od_link_begin(&line->wire, OD_KIND_TUNNEL_END, -1);
    od_bytes_put_u64(&line->wire.out, number);
    od_bytes_put_u8(&line->wire.out, all);
    od_link_end(&line->wire, mark);
}

static void break_off(struct tunnel *tunnel)
{
    say_end(tunnel->line, tunnel->number, true);
    drop(tunnel);
}

// False: it cannot be watched, and [fd] is closed.
static bool make(struct od_line *line, uint64_t number, int fd)
{
    struct tunnel *tunnel = od_allocate_zeroed(sizeof *tunnel);
    tunnel->line = line;
    tunnel->number = number;
    tunnel->fd = fd;
    if (uv_poll_init(&line->node->loop.uv, &tunnel->poll, fd) != 0) {
        close(fd);
        free(tunnel);
        return false;
    }
    tunnel->poll.data = tunnel;
    od_map_put_number(&line->tunnels, &tunnel->by_number, number);
    watch(tunnel);
    return true;
}

uint64_t od_tunnel_begin(struct od_line *line, int fd)
{
    OD_ASSERT(line->is_proved);
    OD_ASSERT(fd >= 0);
    // Odd ones are of who has dialled.
    uint64_t number = ++line->next_tunnel * 2 + line->is_ours;
    if (line->tunnels.size < OD_TUNNELS_MAX)
        return make(line, number, fd) ? number : 0;
    close(fd);
    return 0;
}

int od_tunnel_follow(struct od_line *line, uint64_t number)
{
    int pair[2];
    struct od_error err;
    bool is_theirs = number % 2 != line->is_ours && find(line, number) == NULL;
    if (is_theirs && line->tunnels.size < OD_TUNNELS_MAX && od_link_pair(pair, &err)) {
        if (make(line, number, pair[0]))
            return pair[1];
        close(pair[1]);
    }
    say_end(line, number, true);
    return -1;
}

void od_tunnels_close(struct od_line *line)
{
    struct od_map_node *node;
    while ((node = od_map_next(&line->tunnels, NULL)) != NULL)
        drop(OD_MAP_MEMBER(node, struct tunnel, by_number));
}

// --- Out of the descriptor -----------------------------------------------------------------------

static void send_piece(struct tunnel *tunnel)
{
    struct od_link *wire = &tunnel->line->wire;
    size_t mark = od_link_begin(wire, OD_KIND_TUNNEL_PIECE, -1);
    od_bytes_put_u64(&wire->out, tunnel->number);
    char *at = od_bytes_reserve(&wire->out, OD_NODE_PIECE_BYTES);
    ssize_t count = recv(tunnel->fd, at, OD_NODE_PIECE_BYTES, MSG_DONTWAIT);
    int why = errno;
    if (count > 0) {
        wire->out.size += (size_t)count;
        tunnel->going += (size_t)count;
        od_link_end(wire, mark);
        return;
    }
    wire->out.size = mark; // Nothing was said.
    if (count < 0 && (why == EAGAIN || why == EINTR))
        return;
    if (count < 0) {
        break_off(tunnel);
        return;
    }
    tunnel->has_ended = true;
    say_end(tunnel->line, tunnel->number, false);
    if (tunnel->has_shut)
        drop(tunnel);
}

// --- Into it -------------------------------------------------------------------------------------

// Not for every few bytes: each would be a packet, and wake the other side.
static void say_taken(struct tunnel *tunnel)
{
    if (tunnel->owed < OD_TUNNEL_OWED_BYTES)
        return;
    struct od_link *wire = &tunnel->line->wire;
    size_t mark = od_link_begin(wire, OD_KIND_TUNNEL_TAKEN, -1);
    od_bytes_put_u64(&wire->out, tunnel->number);
    od_bytes_put_u32(&wire->out, (uint32_t)tunnel->owed);
    od_link_end(wire, mark);
    tunnel->owed = 0;
}

// The end of the other side comes behind its last byte. False: the tunnel is over.
static bool shut_when_written(struct tunnel *tunnel)
{
    if (!tunnel->far_has_ended || waiting(tunnel) > 0)
        return true;
    if (!tunnel->has_shut)
        shutdown(tunnel->fd, SHUT_WR);
    tunnel->has_shut = true;
    if (!tunnel->has_ended)
        return true;
    drop(tunnel);
    return false;
}

// False: the tunnel is over.
static bool write_out(struct tunnel *tunnel)
{
    while (waiting(tunnel) > 0) {
        ssize_t count = send(tunnel->fd, tunnel->out.at + tunnel->written, waiting(tunnel),
                             MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno != EAGAIN) {
            break_off(tunnel);
            return false;
        }
        if (count <= 0)
            break;
        tunnel->written += (size_t)count;
        tunnel->owed += (size_t)count;
    }
    say_taken(tunnel);
    if (waiting(tunnel) == 0) {
        od_bytes_deinit(&tunnel->out);
        tunnel->written = 0;
    }
    return shut_when_written(tunnel);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct tunnel *tunnel = poll->data;
    if (tunnel->is_over)
        return;
    if (status < 0) {
        break_off(tunnel);
        return;
    }
    if ((events & UV_WRITABLE) != 0 && !write_out(tunnel))
        return;
    if ((events & UV_READABLE) != 0 && !tunnel->has_ended)
        send_piece(tunnel);
    if (!tunnel->is_over)
        watch(tunnel);
}

// --- From the line -------------------------------------------------------------------------------

// One that is over here may be spoken of for a while: no mistake.
bool od_tunnel_receive_piece(struct od_line *line, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct tunnel *tunnel = find(line, od_cursor_u64(&cursor));
    od_slice piece = od_cursor_rest(&cursor);
    if (cursor.failed || piece.size == 0 || piece.size > OD_NODE_PIECE_BYTES)
        return false;
    if (tunnel == NULL)
        return true;
    if (tunnel->far_has_ended ||
        waiting(tunnel) + piece.size > OD_TUNNEL_WINDOW_BYTES + OD_NODE_PIECE_BYTES)
        return false;
    od_bytes_drop_front(&tunnel->out, tunnel->written);
    tunnel->written = 0;
    od_bytes_put_slice(&tunnel->out, piece);
    if (write_out(tunnel))
        watch(tunnel);
    return true;
}

bool od_tunnel_receive_taken(struct od_line *line, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct tunnel *tunnel = find(line, od_cursor_u64(&cursor));
    uint32_t count = od_cursor_u32(&cursor);
    if (cursor.failed || !od_cursor_at_end(&cursor))
        return false;
    if (tunnel == NULL)
        return true;
    if (count > tunnel->going)
        return false;
    tunnel->going -= count;
    watch(tunnel);
    return true;
}

bool od_tunnel_receive_end(struct od_line *line, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct tunnel *tunnel = find(line, od_cursor_u64(&cursor));
    bool all = od_cursor_u8(&cursor) != 0;
    if (cursor.failed || !od_cursor_at_end(&cursor))
        return false;
    if (tunnel == NULL)
        return true;
    tunnel->far_has_ended = true;
    tunnel->has_ended = tunnel->has_ended || all; // Nobody is there for what comes.
    if (shut_when_written(tunnel))
        watch(tunnel);
    return true;
}
