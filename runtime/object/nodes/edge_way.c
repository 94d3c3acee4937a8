#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "codec/upgrade_record.h"
#include "link/link.h"
#include "object/nodes/early.h"
#include "object/nodes/edge_inner.h"

enum {
    seek_ms = 100, // It is looked for the next owner so often, beside news.
};

// --- The way to the object -----------------------------------------------------------------------

static struct od_bytes record_of(const struct od_edge *edge, bool is_client)
{
    struct od_bytes bytes = {0};
    struct od_upgrade_record record = {.is_client = is_client,
                                       .url = od_websocket_url(edge->client->websocket),
                                       .protocol = od_websocket_protocol(edge->client->websocket)};
    od_upgrade_record_put(&bytes, &record);
    return bytes;
}

// The descriptor for the other side, and its record; -1: there is none.
static int make_way(struct od_edge *edge, struct od_bytes *record)
{
    int fds[2];
    struct od_error err;
    OD_ASSERT(edge->way == NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        return -1;
    edge->way = od_edge_end_new(edge, ++edge->objects->next_number);
    od_websocket_tell_pongs(edge->way->websocket);
    struct od_bytes ours = record_of(edge, true);
    bool is_there = od_websocket_attach(edge->way->websocket, od_bytes_slice(&ours), fds[0], &err);
    od_bytes_deinit(&ours);
    if (is_there) {
        *record = record_of(edge, false);
        return fds[1];
    }
    od_edge_lose_way(edge);
    close(fds[1]);
    return -1;
}

static void put_edge(struct od_link *peer, uint64_t socket, uint64_t edge)
{
    size_t mark = od_link_begin(peer, OD_KIND_EDGE, -1);
    od_bytes_put_u64(&peer->out, socket);
    od_bytes_put_u64(&peer->out, edge);
    od_link_end(peer, mark);
}

void od_edge_introduce(struct od_edge *edge)
{
    OD_ASSERT(edge->socket != 0);
    OD_ASSERT(edge->way != NULL);
    put_edge(edge->objects->peers[edge->place], edge->socket, edge->number);
    od_edge_send_mark(edge);
}

// The socket waits there for its connection.
bool od_edge_connect(struct od_edge *edge, uint64_t socket)
{
    struct od_link *peer = edge->objects->peers[edge->place];
    struct od_bytes record = {0};
    int fd = peer == NULL ? -1 : make_way(edge, &record);
    if (fd < 0)
        return false;
    size_t mark = od_link_begin(peer, OD_KIND_UPGRADE, fd);
    od_bytes_put_u64(&peer->out, socket);
    od_bytes_put_slice(&peer->out, od_bytes_slice(&record));
    od_link_end(peer, mark);
    put_edge(peer, socket, edge->number);
    od_bytes_deinit(&record);
    return true;
}

static void put_attach(struct od_bytes *body, const struct od_edge *edge, uint32_t from,
                       od_slice record)
{
    od_bytes_put_u64(body, edge->number);
    od_bytes_put_u64(body, edge->confirmed);
    od_bytes_put_u32(body, from);
    od_bytes_put_slice(body, od_bytes_slice(&edge->identity));
    od_bytes_put_string(body, od_bytes_slice(&edge->kept));
    od_bytes_put_string(body, record);
}

static void be_found(struct od_edge *edge, uint32_t place)
{
    edge->state = OD_EDGE_OPEN;
    edge->place = place;
    edge->socket = 0;
    edge->is_cut = edge->has_moved = false;
    edge->next = od_places_nowhere(edge->objects);
    edge->is_awaited = true;
    edge->facts = edge->facts_due = 0;
    od_timers_clear(edge->objects->timers, &edge->timer);
}

// Its next owner makes a socket of it.
static bool attach_at(struct od_edge *edge, uint32_t place, bool is_early)
{
    struct od_objects *objects = edge->objects;
    struct od_bytes record = {0}, body = {0};
    int fd = make_way(edge, &record);
    if (fd < 0)
        return false;
    uint32_t from = is_early ? edge->place : UINT32_MAX;
    be_found(edge, place);
    put_attach(&body, edge, from, od_bytes_slice(&record));
    if (place == objects->worker)
        od_early_arrive(objects, place, od_bytes_slice(&body), fd);
    else
        od_link_send(objects->peers[place], OD_KIND_EDGE_ATTACH, od_bytes_slice(&body), fd);
    od_bytes_deinit(&record);
    od_bytes_deinit(&body);
    return true;
}

void od_edge_send_mark(struct od_edge *edge)
{
    struct od_bytes mark = {0};
    od_bytes_put_u64(&mark, edge->mark);
    od_websocket_send_pong(edge->way->websocket, od_bytes_slice(&mark));
    od_bytes_deinit(&mark);
}

// The messages that are known to be handled are forgotten.
void od_edge_confirm(struct od_edge *edge, uint64_t count)
{
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&edge->unsure));
    size_t before = edge->unsure.size;
    if (count > edge->mark || count <= edge->confirmed)
        return;
    for (; edge->confirmed < count; edge->confirmed++) {
        (void)od_cursor_u8(&cursor);
        (void)od_cursor_string(&cursor);
    }
    if (!edge->has_lost_unsure)
        od_bytes_drop_front(&edge->unsure, before - od_cursor_rest(&cursor).size);
    if (edge->confirmed == edge->mark)
        edge->has_lost_unsure = false;
}

void od_edge_send_unsure(struct od_edge *edge)
{
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&edge->unsure));
    OD_ASSERT(edge->way != NULL);
    while (!od_cursor_at_end(&cursor)) {
        bool is_binary = od_cursor_u8(&cursor) != 0;
        od_websocket_send(edge->way->websocket, od_cursor_string(&cursor), is_binary);
    }
    if (edge->mark != edge->confirmed)
        od_edge_send_mark(edge);
}

// --- Seeking -------------------------------------------------------------------------------------

static void look_again(struct od_edge *edge)
{
    od_timers_set(edge->objects->timers, &edge->timer, od_clock_monotonic_ms() + seek_ms);
}

static bool is_there(const struct od_objects *objects, uint32_t place)
{
    return place == objects->worker || objects->peers[place] != NULL;
}

void od_edge_seek(struct od_edge *edge)
{
    struct od_objects *objects = edge->objects;
    struct od_identity identity;
    od_id id;
    OD_ASSERT(edge->state == OD_EDGE_SEEKING);
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&edge->identity));
    od_identity_read(&cursor, &identity);
    OD_ASSERT(!cursor.failed);
    memcpy(id.bytes, identity.id, OD_ID_BYTES);
    bool is_early = is_there(objects, edge->next);
    uint32_t place = is_early ? edge->next : od_places_of(objects, &id);
    if (!is_there(objects, place) || !attach_at(edge, place, is_early))
        look_again(edge);
}

// Whether the next owner can go on where this one has ended. One who gives the object away has told
// all facts before, and what it has handled.
static bool can_go_on(const struct od_edge *edge)
{
    if (edge->identity.size == 0)
        return false;
    if (edge->is_awaited) // Nothing was sent to who has not said that the object is there.
        return edge->mark == edge->confirmed || !edge->has_lost_unsure;
    if (edge->has_moved)
        return edge->mark == edge->confirmed || (edge->is_count_known && !edge->has_lost_unsure);
    return edge->mark == edge->confirmed && edge->facts >= edge->facts_due;
}

void od_edge_begin_seeking(struct od_edge *edge)
{
    OD_ASSERT(edge->state == OD_EDGE_LOST);
    if (!can_go_on(edge)) {
        od_edge_give_up(edge, 1012, OD_SLICE(OD_EDGE_WHY_LOST));
        return;
    }
    bool was_refused = edge->is_awaited;
    edge->state = OD_EDGE_SEEKING;
    if (was_refused) {
        edge->until_ms = edge->seeks_until_ms;
        look_again(edge);
        return;
    }
    edge->until_ms = edge->seeks_until_ms = od_clock_monotonic_ms() + OD_EDGE_SEEKS_MS_MAX;
    od_edge_seek(edge);
}

void od_edge_on_time(struct od_timer *timer)
{
    struct od_edge *edge = OD_TIMER_MEMBER(timer, struct od_edge, timer);
    od_edge_check(edge);
    bool is_late = od_clock_monotonic_ms() >= edge->until_ms;
    if (is_late && edge->state == OD_EDGE_LOST)
        od_edge_be_over(edge); // Its object has cut it, and we have not heard why.
    else if (is_late)
        od_edge_give_up(edge, 1012, OD_SLICE(OD_EDGE_WHY_LOST));
    else if (edge->state == OD_EDGE_SEEKING)
        od_edge_seek(edge);
    else
        look_again(edge);
}

// Its way has ended without a Close.
void od_edge_be_lost(struct od_edge *edge)
{
    struct od_objects *objects = edge->objects;
    bool is_owner_lost = edge->place != objects->worker && objects->peers[edge->place] == NULL;
    od_edge_lose_way(edge);
    if (edge->is_cut || od_websocket_ready_state(edge->client->websocket) != OD_READY_OPEN) {
        od_edge_be_over(edge);
        return;
    }
    od_websocket_pause(edge->client->websocket);
    edge->state = OD_EDGE_LOST;
    edge->until_ms = od_clock_monotonic_ms() + OD_EDGE_LOST_MS_MAX;
    look_again(edge);
    if (is_owner_lost || edge->has_moved)
        od_edge_begin_seeking(edge);
}
