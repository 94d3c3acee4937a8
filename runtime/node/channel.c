#include "node/channel.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "node/line.h"
#include "node/neighbour.h"
#include "node/passage.h"
#include "node/tunnel.h"

enum {
    is_first = 1, // Flags of a piece.
    is_last = 2,
    is_parting = 4, // It, and all behind it, was the last its worker said: no window holds it.
};

enum {
    flags_offset = 12, // In a piece: behind from, to, and the life there.
};

struct message { // Of which the pieces are on their way; 0: of none.
    enum od_kind kind;
    uint64_t tunnel;
};

struct channel {
    struct od_map_node by_ends;
    struct od_list busy; // In the node's, when there is something to do.
    struct od_node *node;
    uint32_t worker, place;
    struct od_link link;
    bool has_link;
    bool is_over;
    bool has_parted; // The worker there: what comes is its last.
    struct message message;
    struct od_bytes in;    // What has come of it.
    struct od_bytes early; // Whole ones, before the link was there: u16 kind, u64 tunnel, str body.
    size_t owed;           // Has come, and not been told as taken.
    struct od_bytes out;   // NODE_PIECEs that wait, each a str;
    size_t out_sent;       // of it.
    size_t going;          // Sent, and not taken.
};

static uint64_t key_of(uint32_t worker, uint32_t place)
{
    return (uint64_t)place << 32 | worker;
}

static struct channel *find(const struct od_node *node, uint32_t worker, uint32_t place)
{
    struct od_map_node *found = od_map_find_number(&node->channels, key_of(worker, place));
    return found == NULL ? NULL : OD_MAP_MEMBER(found, struct channel, by_ends);
}

static void check(const struct channel *channel)
{
    OD_ASSERT(channel->worker < channel->node->options->workers);
    OD_ASSERT(channel->place > channel->node->options->workers);
    OD_ASSERT(channel->out_sent <= channel->out.size);
    OD_ASSERT(!channel->has_link || channel->early.size == 0);
}

static struct channel *channel_new(struct od_node *node, uint32_t worker, uint32_t place)
{
    struct channel *channel = od_allocate_zeroed(sizeof *channel);
    channel->node = node;
    channel->worker = worker;
    channel->place = place;
    od_list_init(&channel->busy);
    od_map_put_number(&node->channels, &channel->by_ends, key_of(worker, place));
    check(channel);
    return channel;
}

static void be_busy(struct channel *channel)
{
    if (od_list_is_empty(&channel->busy))
        od_list_push_back(&channel->node->busy, &channel->busy);
}

static struct od_seated seated_of(const struct channel *channel)
{
    return od_seat_of(channel->node->options->workers, channel->place);
}

static uint32_t life_there(const struct channel *channel)
{
    struct od_seated seated = seated_of(channel);
    return channel->node->neighbours[seated.seat].lives[seated.worker];
}

static struct od_line *line_of(const struct channel *channel)
{
    return channel->node->neighbours[seated_of(channel).seat].line;
}

static void free_channel(struct channel *channel)
{
    od_bytes_deinit(&channel->in);
    od_bytes_deinit(&channel->early);
    od_bytes_deinit(&channel->out);
    free(channel);
}

static void end(struct channel *channel)
{
    OD_ASSERT(!channel->is_over);
    channel->is_over = true;
    od_list_remove(&channel->busy);
    od_map_remove(&channel->node->channels, &channel->by_ends);
    if (channel->has_link)
        od_link_close(&channel->link);
    else
        free_channel(channel);
}

// --- Numbers -------------------------------------------------------------------------------------

// Between nodes a worker is known by the id of its node, and its number there.
static bool turn_out(void *owner, uint32_t *worker)
{
    const struct od_node *node = owner;
    uint32_t id = node->id, count = node->options->workers;
    if (*worker >= count) {
        if (*worker == count || *worker >= od_seat_places(count))
            return false;
        struct od_seated seated = od_seat_of(count, *worker);
        id = node->neighbours[seated.seat].id;
        *worker = seated.worker;
    }
    *worker += id * OD_WORKERS_MAX;
    return id != 0;
}

static bool turn_in(void *owner, uint32_t *worker)
{
    struct od_node *node = owner;
    uint32_t id = *worker / OD_WORKERS_MAX, number = *worker % OD_WORKERS_MAX;
    uint32_t count = node->options->workers;
    const struct od_neighbour *neighbour = od_neighbour_find(node, id);
    if (neighbour != NULL)
        *worker = od_seat_place(count, (struct od_seated){od_node_seat(neighbour), number});
    else
        *worker = number;
    return neighbour != NULL || (id == node->id && number < count);
}

// --- From the worker -----------------------------------------------------------------------------

static void put_piece(struct channel *channel, uint8_t flags, enum od_kind kind, uint64_t tunnel,
                      od_slice piece)
{
    struct od_bytes *out = &channel->out;
    size_t mark = out->size;
    od_bytes_put_u32(out, 0);
    od_bytes_put_u32(out, channel->worker);
    od_bytes_put_u32(out, seated_of(channel).worker);
    od_bytes_put_u32(out, life_there(channel));
    od_bytes_put_u8(out, flags);
    od_bytes_put_u16(out, (uint16_t)kind);
    od_bytes_put_u64(out, tunnel);
    od_bytes_put_slice(out, piece);
    od_bytes_set_u32(out, mark, (uint32_t)(out->size - mark - 4));
}

static void put_message(struct channel *channel, enum od_kind kind, uint64_t tunnel, od_slice body)
{
    uint8_t flags = is_first;
    while (body.size > OD_NODE_PIECE_BYTES) {
        put_piece(channel, flags, kind, tunnel, (od_slice){body.at, OD_NODE_PIECE_BYTES});
        body = od_slice_from(body, OD_NODE_PIECE_BYTES);
        flags = 0;
    }
    put_piece(channel, flags | is_last, kind, tunnel, body);
}

static bool may_send(const struct channel *channel, const struct od_line *line)
{
    return line != NULL && channel->out_sent < channel->out.size &&
           channel->going < OD_NODE_WINDOW_BYTES &&
           od_link_waiting_bytes(&line->wire) < OD_NODE_LINE_BYTES_MAX;
}

static void send_one(struct channel *channel, struct od_line *line, uint8_t more_flags)
{
    struct od_cursor cursor =
        od_cursor_of(od_slice_from(od_bytes_slice(&channel->out), channel->out_sent));
    od_slice piece = od_cursor_string(&cursor);
    OD_ASSERT(!cursor.failed);
    channel->out_sent += 4 + piece.size;
    channel->going += piece.size;
    size_t mark = od_link_begin(&line->wire, OD_KIND_NODE_PIECE, -1);
    size_t begin = line->wire.out.size;
    od_bytes_put_slice(&line->wire.out, piece);
    line->wire.out.at[begin + flags_offset] |= (char)more_flags;
    od_link_end(&line->wire, mark);
}

static void send_all(struct channel *channel)
{
    struct od_line *line = line_of(channel);
    while (may_send(channel, line))
        send_one(channel, line, 0);
    if (channel->out_sent < channel->out.size)
        return;
    od_bytes_clear(&channel->out);
    channel->out_sent = 0;
    if (channel->out.capacity > OD_NODE_LINE_BYTES_MAX)
        od_bytes_deinit(&channel->out);
}

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct channel *channel = link->owner;
    struct od_line *line = line_of(channel);
    struct od_bytes message = {0};
    od_bytes_put_slice(&message, body);
    bool is_sound = od_passage(kind, &message, turn_out, channel->node);
    if (!is_sound)
        od_log(OD_LOG_ERROR, NULL, "worker %u sent another node a %s that makes no sense",
               channel->worker, od_kind_name(kind));
    if (line == NULL || !is_sound) {
        if (fd >= 0)
            close(fd);
    } else {
        uint64_t tunnel = fd < 0 ? 0 : od_tunnel_begin(line, fd);
        put_message(channel, kind, tunnel, od_bytes_slice(&message));
        be_busy(channel);
    }
    od_bytes_deinit(&message);
}

static void on_gone(struct od_link *link)
{
    struct channel *channel = link->owner;
    if (line_of(channel) != NULL)
        send_all(channel);
    end(channel);
}

static void on_closed(struct od_link *link)
{
    free_channel(link->owner);
}

static const struct od_link_events link_events = {on_message, on_gone, on_closed};

// --- To the worker -------------------------------------------------------------------------------

static void deliver(struct channel *channel, enum od_kind kind, uint64_t tunnel, od_slice body)
{
    struct od_line *line = line_of(channel);
    int fd = tunnel == 0 || line == NULL ? -1 : od_tunnel_follow(line, tunnel);
    od_link_send(&channel->link, kind, body, fd);
    be_busy(channel);
}

static void deliver_early(struct channel *channel)
{
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&channel->early));
    struct od_bytes early = channel->early;
    od_bytes_init(&channel->early);
    while (!od_cursor_at_end(&cursor)) {
        enum od_kind kind = od_cursor_u16(&cursor);
        uint64_t tunnel = od_cursor_u64(&cursor);
        deliver(channel, kind, tunnel, od_cursor_string(&cursor));
    }
    od_bytes_deinit(&early);
}

// The message is whole. False: it makes no sense.
static bool take_whole(struct channel *channel)
{
    struct message message = channel->message;
    channel->message = (struct message){0};
    bool is_sound = od_passage(message.kind, &channel->in, turn_in, channel->node);
    od_slice body = od_bytes_slice(&channel->in);
    if (is_sound && channel->has_link) {
        deliver(channel, message.kind, message.tunnel, body);
    } else if (is_sound) {
        od_bytes_put_u16(&channel->early, (uint16_t)message.kind);
        od_bytes_put_u64(&channel->early, message.tunnel);
        od_bytes_put_string(&channel->early, body);
    }
    od_bytes_clear(&channel->in);
    if (channel->in.capacity > OD_NODE_LINE_BYTES_MAX)
        od_bytes_deinit(&channel->in);
    return is_sound;
}

static bool take_piece(struct channel *channel, uint8_t flags, struct message message,
                       od_slice piece)
{
    bool begins = (flags & is_first) != 0;
    bool is_under_way = channel->message.kind != OD_KIND_NONE;
    if (begins == is_under_way)
        return begins ? false : true; // The rest of one that a former life was sent.
    if (begins)
        channel->message = message;
    OD_ASSERT(channel->message.kind != OD_KIND_NONE);
    if (channel->in.size + piece.size > OD_LINK_MESSAGE_BYTES_MAX)
        return false;
    od_bytes_put_slice(&channel->in, piece);
    return (flags & is_last) == 0 || take_whole(channel);
}

// More than was allowed comes only of a worker that ends, and that is one message at most, and what
// its socket held.
static bool is_allowed(struct channel *channel, uint8_t flags)
{
    size_t allowed = OD_NODE_ALLOWED_BYTES_MAX;
    if (channel->has_parted && (flags & is_parting) == 0)
        return false;
    channel->has_parted = (flags & is_parting) != 0;
    allowed += channel->has_parted ? OD_LINK_MESSAGE_BYTES_MAX + OD_NODE_LINE_BYTES_MAX : 0;
    return channel->owed <= allowed;
}

// For one who has gone a moment ago.
static void refuse_tunnel(struct od_line *line, uint8_t flags, uint64_t tunnel)
{
    if (tunnel == 0 || (flags & is_last) == 0)
        return;
    int fd = od_tunnel_follow(line, tunnel);
    if (fd >= 0)
        close(fd);
}

bool od_channel_receive_piece(struct od_line *line, od_slice body)
{
    struct od_node *node = line->node;
    struct od_cursor cursor = od_cursor_of(body);
    uint32_t from = od_cursor_u32(&cursor), to = od_cursor_u32(&cursor);
    uint32_t life = od_cursor_u32(&cursor);
    uint8_t flags = od_cursor_u8(&cursor);
    struct message message = {.kind = od_cursor_u16(&cursor)};
    message.tunnel = od_cursor_u64(&cursor);
    od_slice piece = od_cursor_rest(&cursor);
    if (cursor.failed || from >= line->hello.workers || to >= node->options->workers ||
        message.kind == OD_KIND_NONE || message.kind >= OD_KIND_COUNT ||
        piece.size > OD_NODE_PIECE_BYTES)
        return false;
    // What was sent to a former life is sent anew if it had not begun: never is both done.
    if ((node->workers >> to & 1) == 0 || node->lives[to] != life) {
        refuse_tunnel(line, flags, message.tunnel);
        return true;
    }
    uint32_t place = od_seat_place(node->options->workers,
                                   (struct od_seated){od_node_seat(line->neighbour), from});
    struct channel *channel = find(node, to, place);
    if (channel == NULL)
        channel = channel_new(node, to, place);
    channel->owed += body.size;
    if (!is_allowed(channel, flags)) {
        od_line_cut(line, "it sends more than it was told that there is room for");
        return true;
    }
    be_busy(channel);
    return take_piece(channel, flags, message, piece);
}

bool od_channel_receive_taken(struct od_line *line, od_slice body)
{
    struct od_node *node = line->node;
    struct od_cursor cursor = od_cursor_of(body);
    uint32_t from = od_cursor_u32(&cursor), to = od_cursor_u32(&cursor);
    uint32_t count = od_cursor_u32(&cursor);
    if (cursor.failed || !od_cursor_at_end(&cursor) || from >= node->options->workers ||
        to >= line->hello.workers)
        return false;
    uint32_t place = od_seat_place(node->options->workers,
                                   (struct od_seated){od_node_seat(line->neighbour), to});
    struct channel *channel = find(node, from, place);
    if (channel == NULL)
        return true;
    // It may be of a former life.
    channel->going -= count < channel->going ? count : channel->going;
    be_busy(channel);
    return true;
}

// --- Once a turn ---------------------------------------------------------------------------------

static void say_taken(struct channel *channel)
{
    struct od_line *line = line_of(channel);
    bool is_behind =
        !channel->has_link || od_link_waiting_bytes(&channel->link) > OD_NODE_TAKEN_BYTES_MAX;
    if (channel->owed < OD_NODE_OWED_BYTES || line == NULL || is_behind)
        return;
    size_t mark = od_link_begin(&line->wire, OD_KIND_NODE_TAKEN, -1);
    od_bytes_put_u32(&line->wire.out, seated_of(channel).worker);
    od_bytes_put_u32(&line->wire.out, channel->worker);
    od_bytes_put_u32(&line->wire.out, (uint32_t)channel->owed);
    od_link_end(&line->wire, mark);
    channel->owed = 0;
}

static void flush(struct channel *channel)
{
    check(channel);
    send_all(channel);
    if (channel->has_link) {
        od_link_flush(&channel->link);
        od_link_pause(&channel->link, channel->out.size > channel->out_sent);
    }
    say_taken(channel);
    if (channel->out.size == channel->out_sent && channel->owed < OD_NODE_OWED_BYTES)
        od_list_remove(&channel->busy);
}

void od_channels_flush(struct od_node *node)
{
    OD_LIST_EACH_SAFE (link, &node->busy)
        flush(OD_LIST_MEMBER(link, struct channel, busy));
}

// --- Beginning and end ---------------------------------------------------------------------------

void od_channel_pair(struct od_node *node, uint32_t worker, uint32_t place, int fd)
{
    struct od_error err;
    struct channel *channel = find(node, worker, place);
    if (channel != NULL && channel->has_link) {
        end(channel);
        channel = NULL;
    }
    if (channel == NULL)
        channel = channel_new(node, worker, place);
    channel->has_link =
        od_link_init(&channel->link, &node->loop.uv, fd, &link_events, channel, &err);
    if (channel->has_link) {
        deliver_early(channel);
        return;
    }
    od_log(OD_LOG_ERROR, NULL, "worker %u cannot call another node: %s", worker, err.text);
    end(channel);
}

// What a worker has said last is read and sent, whatever the window; it is not much any more.
static void end_worker(struct channel *channel)
{
    struct od_line *line = line_of(channel);
    if (channel->has_link) {
        od_link_pause(&channel->link, false);
        od_link_read_rest(&channel->link);
    }
    if (channel->is_over)
        return;
    while (line != NULL && channel->out_sent < channel->out.size)
        send_one(channel, line, is_parting);
    end(channel);
}

static void end_place(struct channel *channel)
{
    if (channel->has_link)
        od_link_flush(&channel->link);
    end(channel);
}

void od_channels_end_worker(struct od_node *node, uint32_t worker)
{
    for (uint32_t place = node->options->workers + 1;
         place < od_seat_places(node->options->workers); place++) {
        struct channel *channel = find(node, worker, place);
        if (channel != NULL)
            end_worker(channel);
    }
}

void od_channels_end_place(struct od_node *node, uint32_t place)
{
    for (uint32_t worker = 0; worker < node->options->workers; worker++) {
        struct channel *channel = find(node, worker, place);
        if (channel != NULL)
            end_place(channel);
    }
}

void od_channels_end_seat(struct od_node *node, uint32_t seat)
{
    for (uint32_t worker = 0; worker < OD_WORKERS_MAX; worker++)
        od_channels_end_place(
            node, od_seat_place(node->options->workers, (struct od_seated){seat, worker}));
}

void od_channels_close(struct od_node *node)
{
    struct od_map_node *found;
    while ((found = od_map_next(&node->channels, NULL)) != NULL)
        end(OD_MAP_MEMBER(found, struct channel, by_ends));
    od_map_deinit(&node->channels);
}
