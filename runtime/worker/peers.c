#include "worker/peers.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "object/call.h"
#include "object/call_sent.h"
#include "object/deadlock.h"
#include "object/nodes/arrival.h"
#include "object/nodes/early.h"
#include "object/nodes/edge.h"
#include "object/sink.h"
#include "object/socket.h"
#include "object/stream.h"

static void check(const struct od_peer *peer)
{
    const struct od_objects *objects = &peer->worker->objects;
    OD_ASSERT(od_places_are_workers(objects, peer->place));
    OD_ASSERT(peer->place != objects->worker);
    OD_ASSERT(objects->peers[peer->place] == &peer->link);
}

// --- Messages ------------------------------------------------------------------------------------

static void receive_call(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    od_call_receive(&worker->objects, from, body);
}

static void receive_reply(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    od_call_receive_reply(&worker->objects, from, body);
}

static void receive_cancel(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    od_call_receive_cancel(&worker->objects, from, body);
}

static void receive_left(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    od_call_receive_left(&worker->objects, from, body);
}

static void receive_probe(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    od_deadlock_receive_probe(&worker->objects, from, body);
}

static void receive_deadlocked(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)from;
    (void)fd;
    od_deadlock_receive_deadlocked(&worker->objects, body);
}

static void receive_stream_open(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t stream = od_cursor_u64(&cursor), reader = od_cursor_u64(&cursor);
    od_stream_opened(&worker->objects, from, stream, reader);
}

static void receive_stream_taken(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t stream = od_cursor_u64(&cursor), size = od_cursor_u64(&cursor);
    od_stream_taken(&worker->objects, from, stream, (size_t)size);
}

static void receive_stream_left(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    od_stream_left(&worker->objects, from, od_cursor_u64(&cursor));
}

static void receive_stream_piece(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t reader = od_cursor_u64(&cursor);
    od_sink_piece(&worker->objects, from, reader, od_cursor_rest(&cursor));
}

static void receive_stream_end(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t reader = od_cursor_u64(&cursor);
    od_sink_ended(&worker->objects, from, reader, od_cursor_u8(&cursor) == 1);
}

static void receive_upgrade(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)from;
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t socket = od_cursor_u64(&cursor);
    od_socket_attach(&worker->objects, socket, od_cursor_rest(&cursor), fd);
}

static void receive_edge(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    od_arrival_receive(&worker->objects, from, body);
}

static void receive_edge_facts(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    od_edge_receive_facts(&worker->objects, from, body);
}

static void receive_edge_gone(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    od_edge_receive_gone(&worker->objects, from, body);
}

static void receive_edge_attach(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    if (worker->is_restored)
        od_early_arrive(&worker->objects, from, body, fd);
    else
        od_arrival_refuse(&worker->objects, from, body, fd);
}

static void (*const from_peer[OD_KIND_COUNT])(struct od_worker *, uint32_t, od_slice, int) = {
    [OD_KIND_CALL] = receive_call,
    [OD_KIND_REPLY] = receive_reply,
    [OD_KIND_CALL_CANCEL] = receive_cancel,
    [OD_KIND_CALL_LEFT] = receive_left,
    [OD_KIND_PROBE] = receive_probe,
    [OD_KIND_DEADLOCKED] = receive_deadlocked,
    [OD_KIND_STREAM_OPEN] = receive_stream_open,
    [OD_KIND_STREAM_TAKEN] = receive_stream_taken,
    [OD_KIND_STREAM_LEFT] = receive_stream_left,
    [OD_KIND_STREAM_PIECE] = receive_stream_piece,
    [OD_KIND_STREAM_END] = receive_stream_end,
    [OD_KIND_EDGE] = receive_edge,
    [OD_KIND_EDGE_FACTS] = receive_edge_facts,
    [OD_KIND_EDGE_GONE] = receive_edge_gone,
    [OD_KIND_EDGE_ATTACH] = receive_edge_attach,
    [OD_KIND_UPGRADE] = receive_upgrade,
};

static void refuse(enum od_kind kind, int fd)
{
    od_log(OD_LOG_ERROR, NULL, "a worker sent %s, which is not for a worker", od_kind_name(kind));
    if (fd >= 0)
        close(fd);
}

// The descriptor, if one is wanted; a peer may attach others.
static int wanted_fd(enum od_kind kind, int fd)
{
    OD_ASSERT(kind < OD_KIND_COUNT);
    if (fd < 0 || kind == OD_KIND_UPGRADE || kind == OD_KIND_EDGE_ATTACH)
        return fd;
    close(fd);
    return -1;
}

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    OD_ASSERT(kind < OD_KIND_COUNT);
    struct od_peer *peer = link->owner;
    check(peer);
    if (from_peer[kind] == NULL)
        refuse(kind, fd);
    else
        from_peer[kind](peer->worker, peer->place, body, wanted_fd(kind, fd));
}

// --- Beginning and end ---------------------------------------------------------------------------

void od_peer_forget(struct od_peer *peer)
{
    check(peer);
    struct od_objects *objects = &peer->worker->objects;
    objects->peers[peer->place] = NULL;
    od_list_remove(&peer->in_worker);
    od_streams_peer_gone(objects, peer->place);
    od_edges_peer_gone(objects, peer->place);
    od_link_close(&peer->link);
}

static struct od_peer *peer_at(const struct od_worker *worker, uint32_t place)
{
    struct od_link *link = worker->objects.peers[place];
    return link == NULL ? NULL : link->owner;
}

static void forget_at(struct od_worker *worker, uint32_t place)
{
    struct od_peer *peer = peer_at(worker, place);
    if (peer != NULL)
        od_peer_forget(peer);
}

static void on_gone(struct od_link *link)
{
    struct od_peer *peer = link->owner;
    od_peer_forget(peer);
}

static void on_closed(struct od_link *link)
{
    struct od_peer *peer = link->owner;
    OD_ASSERT(peer->worker->link_count > 0);
    OD_ASSERT(peer->worker->objects.peers[peer->place] != link);
    peer->worker->link_count--;
    free(peer);
}

static void on_leaves(struct od_link *link)
{
    const struct od_peer *peer = link->owner;
    od_calls_sent_leave(&peer->worker->objects, peer->place);
}

static const struct od_link_events peer_events = {on_message, on_gone, on_closed};

void od_peers_receive(struct od_worker *worker, od_slice body, int fd)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint32_t place = od_cursor_u32(&cursor);
    struct od_error err;
    bool is_known = od_places_are_workers(&worker->objects, place);
    if (fd >= 0 && !is_known)
        close(fd);
    if (fd < 0 || !is_known)
        return;
    forget_at(worker, place);
    OD_ASSERT(worker->objects.peers[place] == NULL);
    struct od_peer *peer = od_allocate_zeroed(sizeof *peer);
    peer->worker = worker;
    peer->place = place;
    if (!od_link_init(&peer->link, &worker->loop.uv, fd, &peer_events, peer, &err)) {
        od_log(OD_LOG_ERROR, NULL, "worker %u cannot be called: %s", place, err.text);
        free(peer);
        return;
    }
    peer->link.leaves = on_leaves;
    worker->objects.peers[place] = &peer->link;
    od_list_init(&peer->in_worker);
    od_list_push_back(&worker->peers, &peer->in_worker);
    worker->link_count++;
    od_calls_sent_anew(&worker->objects, place);
    od_edges_peer(&worker->objects, place);
}

// Its last words, answers perhaps, come before what becomes of the rest.
void od_peers_receive_ended(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    uint32_t place = od_cursor_u32(&cursor);
    bool all = od_cursor_u8(&cursor) != 0;
    if (!od_places_are_workers(&worker->objects, place))
        return;
    if (worker->objects.peers[place] != NULL)
        od_link_read_rest(worker->objects.peers[place]);
    forget_at(worker, place);
    od_calls_sent_ended(&worker->objects, place, all, od_cursor_rest(&cursor));
}
