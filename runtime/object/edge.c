#include "object/edge.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "codec/upgrade_record.h"
#include "link/link.h"
#include "net/net.h"
#include "net/websocket.h"
#include "object/objects.h"
#include "object/remote.h"

enum {
    held_bytes_max = 1 << 20,  // Behind more in one WebSocket the other is not read,
    held_bytes_min = 64 << 10, // until so much is left.
    seek_ms = 100,             // It is looked for the next owner so often, beside news.
};

struct edge;

struct end { // One of its WebSockets, whose holder it is.
    struct od_map_node by_number;
    struct od_list link; // In the waste.
    struct edge *edge;
    struct od_websocket *websocket;
    bool is_paused; // Too much waits in the other.
};

enum state {
    OPEN,
    LOST,
    SEEKING,
    OVER,
};

struct edge {
    struct od_list link;
    struct od_list busy;
    struct od_objects *objects;
    uint64_t number; // That of the client's WebSocket.
    enum state state;
    struct end *client;
    struct end *way;          // To the object. NULL: there is none.
    uint32_t place;           // Of the owner,
    uint64_t socket;          // and the number there; 0: not told yet.
    bool is_cut;              // By its object; it is told, and the way ends.
    uint64_t mark;            // Of the last message,
    uint64_t confirmed;       // and as it has come back;
    uint64_t facts;           // which have come,
    uint64_t facts_due;       // and are known to be on their way.
    struct od_bytes identity; // Of the object; empty: not told yet.
    struct od_bytes kept;     // Facts (keep.h).
    struct od_timer timer;
    od_time_ms until_ms; // LOST, SEEKING.
};

static const char why_lost[] = "the node of this object has ended";

static void check(const struct edge *edge)
{
    OD_ASSERT(edge->client->edge == edge);
    OD_ASSERT((edge->way == NULL) || edge->state == OPEN || edge->state == OVER);
    OD_ASSERT(edge->state != SEEKING || edge->identity.size > 0);
    OD_ASSERT(edge->confirmed <= edge->mark);
}

static struct end *find(const struct od_objects *objects, uint64_t number)
{
    struct od_map_node *node = od_map_find_number(&objects->edges.by_number, number);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct end, by_number);
}

static struct edge *find_of(const struct od_objects *objects, uint32_t place, uint64_t number)
{
    struct end *end = find(objects, number);
    struct edge *edge = end == NULL || end->edge->client != end ? NULL : end->edge;
    return edge != NULL && edge->place == place && edge->state != OVER ? edge : NULL;
}

// --- Ends ----------------------------------------------------------------------------------------

static struct end *end_new(struct edge *edge, uint64_t number)
{
    struct od_objects *objects = edge->objects;
    struct end *end = od_allocate_zeroed(sizeof *end);
    end->edge = edge;
    end->websocket = od_websocket_new(objects->net, number, end, false);
    od_websocket_relay(end->websocket);
    od_list_init(&end->link);
    od_map_put_number(&objects->edges.by_number, &end->by_number, number);
    return end;
}

static void throw_away(struct od_objects *objects, struct end *end)
{
    od_websocket_abort(end->websocket);
    od_map_remove(&objects->edges.by_number, &end->by_number);
    od_list_push_back(&objects->edges.waste, &end->link);
}

// It is looked at in each turn.
static void be_busy(struct edge *edge)
{
    if (od_list_is_empty(&edge->busy))
        od_list_push_back(&edge->objects->edges.busy, &edge->busy);
}

static void lose_way(struct edge *edge)
{
    if (edge->way != NULL)
        throw_away(edge->objects, edge->way);
    edge->way = NULL;
}

static void be_over(struct edge *edge)
{
    if (edge->state == OVER)
        return;
    edge->state = OVER;
    be_busy(edge);
    od_timers_clear(edge->objects->timers, &edge->timer);
    lose_way(edge);
    throw_away(edge->objects, edge->client);
}

static bool is_closed(const struct end *end)
{
    return end == NULL || od_websocket_ready_state(end->websocket) == OD_READY_CLOSED;
}

// With a word to the client, if it can hear one.
static void give_up(struct edge *edge, uint16_t code, od_slice why)
{
    lose_way(edge);
    edge->state = OPEN; // Its client may still answer.
    od_timers_clear(edge->objects->timers, &edge->timer);
    od_websocket_resume(edge->client->websocket);
    od_websocket_close(edge->client->websocket, code, why);
    if (is_closed(edge->client))
        be_over(edge);
}

// --- The way to the object -----------------------------------------------------------------------

struct tunnel { // The two records of a pair of descriptors.
    int fds[2];
    struct od_bytes ours, theirs;
};

static struct od_bytes record_of(const struct edge *edge, bool is_client)
{
    struct od_bytes bytes = {0};
    struct od_upgrade_record record = {.is_client = is_client,
                                       .url = od_websocket_url(edge->client->websocket),
                                       .protocol = od_websocket_protocol(edge->client->websocket)};
    od_upgrade_record_put(&bytes, &record);
    return bytes;
}

// The descriptor for the other side, and its record; -1: there is none.
static int make_way(struct edge *edge, struct od_bytes *record)
{
    int fds[2];
    struct od_error err;
    OD_ASSERT(edge->way == NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        return -1;
    edge->way = end_new(edge, ++edge->objects->next_number);
    od_websocket_tell_pongs(edge->way->websocket);
    struct od_bytes ours = record_of(edge, true);
    bool is_there = od_websocket_attach(edge->way->websocket, od_bytes_slice(&ours), fds[0], &err);
    od_bytes_deinit(&ours);
    if (is_there) {
        *record = record_of(edge, false);
        return fds[1];
    }
    lose_way(edge);
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

// The socket waits there for its connection.
static bool connect_to(struct edge *edge, uint64_t socket)
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

static void put_attach(struct od_bytes *body, const struct edge *edge, od_slice record)
{
    od_bytes_put_u64(body, edge->number);
    od_bytes_put_slice(body, od_bytes_slice(&edge->identity));
    od_bytes_put_string(body, od_bytes_slice(&edge->kept));
    od_bytes_put_string(body, record);
}

static void be_found(struct edge *edge, uint32_t place)
{
    edge->state = OPEN;
    edge->place = place;
    edge->socket = 0;
    edge->is_cut = false;
    edge->facts = edge->facts_due = 0;
    od_timers_clear(edge->objects->timers, &edge->timer);
}

// Its next owner makes a socket of it.
static bool attach_at(struct edge *edge, uint32_t place)
{
    struct od_objects *objects = edge->objects;
    struct od_bytes record = {0}, body = {0};
    int fd = make_way(edge, &record);
    if (fd < 0)
        return false;
    be_found(edge, place);
    put_attach(&body, edge, od_bytes_slice(&record));
    if (place == objects->worker)
        od_remote_attach(objects, place, od_bytes_slice(&body), fd);
    else
        od_link_send(objects->peers[place], OD_KIND_EDGE_ATTACH, od_bytes_slice(&body), fd);
    od_bytes_deinit(&record);
    od_bytes_deinit(&body);
    od_websocket_resume(edge->client->websocket);
    return true;
}

// --- Seeking -------------------------------------------------------------------------------------

static void look_again(struct edge *edge)
{
    od_timers_set(edge->objects->timers, &edge->timer, od_clock_monotonic_ms() + seek_ms);
}

static void seek(struct edge *edge)
{
    struct od_objects *objects = edge->objects;
    struct od_identity identity;
    od_id id;
    OD_ASSERT(edge->state == SEEKING);
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&edge->identity));
    od_identity_read(&cursor, &identity);
    OD_ASSERT(!cursor.failed);
    memcpy(id.bytes, identity.id, OD_ID_BYTES);
    uint32_t place = od_places_of(objects, &id);
    bool is_there = place == objects->worker || objects->peers[place] != NULL;
    if (!is_there || !attach_at(edge, place))
        look_again(edge);
}

static bool is_idle(const struct edge *edge)
{
    return edge->mark == edge->confirmed && edge->facts >= edge->facts_due &&
           edge->identity.size > 0;
}

static void begin_seeking(struct edge *edge)
{
    OD_ASSERT(edge->state == LOST);
    if (!is_idle(edge)) {
        give_up(edge, 1012, OD_SLICE(why_lost));
        return;
    }
    edge->state = SEEKING;
    edge->until_ms = od_clock_monotonic_ms() + OD_EDGE_SEEKS_MS_MAX;
    seek(edge);
}

static void on_time(struct od_timer *timer)
{
    struct edge *edge = OD_TIMER_MEMBER(timer, struct edge, timer);
    check(edge);
    bool is_late = od_clock_monotonic_ms() >= edge->until_ms;
    if (is_late && edge->state == LOST)
        be_over(edge); // Its object has cut it, and we have not heard why.
    else if (is_late)
        give_up(edge, 1012, OD_SLICE(why_lost));
    else if (edge->state == SEEKING)
        seek(edge);
    else
        look_again(edge);
}

// Its way has ended without a Close.
static void be_lost(struct edge *edge)
{
    struct od_objects *objects = edge->objects;
    bool is_owner_lost = edge->place != objects->worker && objects->peers[edge->place] == NULL;
    lose_way(edge);
    if (edge->is_cut || od_websocket_ready_state(edge->client->websocket) != OD_READY_OPEN) {
        be_over(edge);
        return;
    }
    od_websocket_pause(edge->client->websocket);
    edge->state = LOST;
    edge->until_ms = od_clock_monotonic_ms() + OD_EDGE_LOST_MS_MAX;
    look_again(edge);
    if (is_owner_lost)
        begin_seeking(edge);
}

// --- News of its WebSockets ----------------------------------------------------------------------

static void send_mark(struct edge *edge)
{
    struct od_bytes mark = {0};
    od_bytes_put_u64(&mark, edge->mark);
    od_websocket_send_pong(edge->way->websocket, od_bytes_slice(&mark));
    od_bytes_deinit(&mark);
}

// TCP then slows down who sends.
static void hold(struct end *from, const struct end *to)
{
    if (from->is_paused || od_websocket_buffered_bytes(to->websocket) < held_bytes_max)
        return;
    from->is_paused = true;
    od_websocket_pause(from->websocket);
    be_busy(from->edge);
}

void od_edge_message(void *holder, od_slice payload, bool is_binary)
{
    struct end *from = holder;
    struct edge *edge = from->edge;
    struct end *to = from == edge->client ? edge->way : edge->client;
    if (edge->state == OVER || (from != edge->client && from != edge->way))
        return;
    check(edge);
    if (to == NULL) { // It was read before nothing was read any more.
        give_up(edge, 1012, OD_SLICE(why_lost));
        return;
    }
    od_websocket_send(to->websocket, payload, is_binary);
    if (from == edge->client) {
        edge->mark++;
        send_mark(edge);
    }
    hold(from, to);
}

// Who hears a Close passes it on; the answer comes back the same way.
static void pass_close(struct end *to, uint16_t code, od_slice reason)
{
    if (to != NULL && !is_closed(to))
        od_websocket_close(to->websocket, code, reason);
}

bool od_edge_closed(struct od_objects *objects, uint64_t number, uint16_t code, od_slice reason,
                    bool was_clean)
{
    struct end *end = find(objects, number);
    if (end == NULL)
        return false;
    struct edge *edge = end->edge;
    check(edge);
    if (edge->state == OVER)
        return true;
    if (was_clean)
        pass_close(end == edge->client ? edge->way : edge->client, code, reason);
    else if (end == edge->way)
        be_lost(edge);
    else
        be_over(edge);
    if (edge->state != OVER && is_closed(edge->client) && is_closed(edge->way))
        be_over(edge);
    return true;
}

bool od_edge_pong(struct od_objects *objects, uint64_t number, od_slice payload)
{
    struct end *end = find(objects, number);
    struct od_cursor cursor = od_cursor_of(payload);
    uint64_t mark = od_cursor_u64(&cursor), facts = od_cursor_u64(&cursor);
    if (end == NULL)
        return false;
    struct edge *edge = end->edge;
    if (end != edge->way || cursor.failed || mark > edge->mark)
        return true; // It makes no sense.
    edge->confirmed = mark;
    edge->facts_due = facts;
    return true;
}

// --- News of its object's worker -----------------------------------------------------------------

void od_edge_receive_facts(struct od_objects *objects, uint32_t place, od_slice body)
{
    struct od_identity identity;
    struct od_cursor cursor = od_cursor_of(body);
    struct edge *edge = find_of(objects, place, od_cursor_u64(&cursor));
    uint64_t socket = od_cursor_u64(&cursor), facts = od_cursor_u64(&cursor);
    od_slice rest = od_cursor_rest(&cursor);
    struct od_cursor parts = od_cursor_of(rest);
    od_identity_read(&parts, &identity);
    od_slice kept = od_cursor_string(&parts);
    if (edge == NULL || cursor.failed || parts.failed)
        return;
    edge->socket = socket;
    edge->facts = facts;
    od_bytes_clear(&edge->identity);
    od_identity_put(&edge->identity, &identity);
    od_bytes_clear(&edge->kept);
    od_bytes_put_slice(&edge->kept, kept);
}

void od_edge_receive_gone(struct od_objects *objects, uint32_t place, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct edge *edge = find_of(objects, place, od_cursor_u64(&cursor));
    bool has_moved = od_cursor_u8(&cursor) != 0;
    if (edge == NULL || cursor.failed)
        return;
    edge->is_cut = !has_moved;
    if (edge->state == OPEN && has_moved) // Its end may be on its way still.
        be_lost(edge);
    if (edge->state == LOST && has_moved)
        begin_seeking(edge);
    else if (edge->state == LOST)
        be_over(edge);
}

// One that has kept its way has its socket in the worker that has taken the place of another.
void od_edges_peer(struct od_objects *objects, uint32_t place)
{
    OD_LIST_EACH_SAFE (link, &objects->edges.all) {
        struct edge *edge = OD_LIST_MEMBER(link, struct edge, link);
        if (edge->state == OPEN && edge->place == place && edge->way != NULL && edge->socket != 0) {
            put_edge(objects->peers[place], edge->socket, edge->number);
            send_mark(edge);
        } else if (edge->state == LOST && edge->place == place) {
            begin_seeking(edge);
        }
    }
    od_edges_moved(objects);
}

void od_edges_peer_gone(struct od_objects *objects, uint32_t place)
{
    OD_LIST_EACH_SAFE (link, &objects->edges.all) {
        struct edge *edge = OD_LIST_MEMBER(link, struct edge, link);
        if (edge->state == LOST && edge->place == place)
            begin_seeking(edge);
    }
}

void od_edges_moved(struct od_objects *objects)
{
    OD_LIST_EACH_SAFE (link, &objects->edges.all) {
        struct edge *edge = OD_LIST_MEMBER(link, struct edge, link);
        if (edge->state == SEEKING)
            seek(edge);
    }
}

// --- Beginning and end ---------------------------------------------------------------------------

void od_edge_begin(struct od_objects *objects, uint32_t place, uint64_t number, od_slice record,
                   int fd)
{
    struct od_error err;
    OD_ASSERT(od_places_are_far(objects, place));
    struct edge *edge = od_allocate_zeroed(sizeof *edge);
    edge->objects = objects;
    edge->place = place;
    edge->number = ++objects->next_number;
    edge->timer.fire = on_time;
    edge->client = end_new(edge, edge->number);
    od_list_init(&edge->link);
    od_list_init(&edge->busy);
    od_list_push_back(&objects->edges.all, &edge->link);
    od_websocket_pause(edge->client->websocket); // Until there is a way.
    if (!od_websocket_attach(edge->client->websocket, record, fd, &err)) {
        be_over(edge);
        return;
    }
    if (connect_to(edge, number))
        od_websocket_resume(edge->client->websocket);
    else
        give_up(edge, 1012, OD_SLICE(why_lost));
}

static void go_on(struct end *from, const struct end *to)
{
    if (!from->is_paused || od_websocket_buffered_bytes(to->websocket) > held_bytes_min)
        return;
    from->is_paused = false;
    od_websocket_resume(from->websocket);
}

static void free_edge(struct edge *edge)
{
    od_list_remove(&edge->link);
    od_list_remove(&edge->busy);
    od_bytes_deinit(&edge->identity);
    od_bytes_deinit(&edge->kept);
    free(edge);
}

static void free_waste(struct od_objects *objects)
{
    struct od_list *link;
    while ((link = od_list_pop_front(&objects->edges.waste)) != NULL) {
        struct end *end = OD_LIST_MEMBER(link, struct end, link);
        od_websocket_free(end->websocket);
        free(end);
    }
}

static void turn(struct edge *edge)
{
    if (edge->state == OVER) {
        free_edge(edge);
        return;
    }
    if (edge->way != NULL) {
        go_on(edge->client, edge->way);
        go_on(edge->way, edge->client);
    }
    if (edge->way == NULL || (!edge->client->is_paused && !edge->way->is_paused))
        od_list_remove(&edge->busy);
}

void od_edges_turn(struct od_objects *objects)
{
    free_waste(objects);
    OD_LIST_EACH_SAFE (link, &objects->edges.busy)
        turn(OD_LIST_MEMBER(link, struct edge, busy));
}

void od_edges_close(struct od_objects *objects, uint16_t code, od_slice reason)
{
    OD_LIST_EACH_SAFE (link, &objects->edges.all) {
        struct edge *edge = OD_LIST_MEMBER(link, struct edge, link);
        if (edge->state != OVER)
            give_up(edge, code, reason);
    }
}

void od_edges_init(struct od_edges *edges)
{
    od_list_init(&edges->all);
    od_list_init(&edges->busy);
    od_list_init(&edges->waste);
    od_map_init(&edges->by_number);
}

void od_edges_deinit(struct od_objects *objects)
{
    OD_LIST_EACH_SAFE (link, &objects->edges.all)
        be_over(OD_LIST_MEMBER(link, struct edge, link));
    od_edges_turn(objects);
    OD_ASSERT(od_list_is_empty(&objects->edges.all));
    od_map_deinit(&objects->edges.by_number);
}
