#include "object/nodes/edge.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "object/edge_keeper.h"
#include "object/keep.h"
#include "object/limits.h"
#include "object/nodes/edge_inner.h"
#include "object/remote.h"
#include "object/socket.h"

void od_edge_check(const struct od_edge *edge)
{
    OD_ASSERT(edge->client->edge == edge);
    OD_ASSERT((edge->way == NULL) || edge->state == OD_EDGE_OPEN || edge->state == OD_EDGE_OVER);
    OD_ASSERT(edge->state != OD_EDGE_SEEKING || edge->identity.size > 0);
    OD_ASSERT(edge->confirmed <= edge->mark);
}

static struct od_edge_end *find_end(const struct od_objects *objects, uint64_t number)
{
    struct od_map_node *node = od_map_find_number(&objects->edges->by_number, number);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_edge_end, by_number);
}

static struct od_edge *find_of(const struct od_objects *objects, uint32_t place, uint64_t number)
{
    struct od_edge_end *end = find_end(objects, number);
    struct od_edge *edge = end == NULL || end->edge->client != end ? NULL : end->edge;
    return edge != NULL && edge->place == place && edge->state != OD_EDGE_OVER ? edge : NULL;
}

// --- Ends ----------------------------------------------------------------------------------------

static struct od_edge_end *end_of(struct od_edge *edge, uint64_t number,
                                  struct od_websocket *websocket)
{
    struct od_objects *objects = edge->objects;
    struct od_edge_end *end = od_allocate_zeroed(sizeof *end);
    end->edge = edge;
    end->websocket = websocket;
    od_websocket_relay(websocket, end);
    od_list_init(&end->link);
    od_map_put_number(&objects->edges->by_number, &end->by_number, number);
    return end;
}

struct od_edge_end *od_edge_end_new(struct od_edge *edge, uint64_t number)
{
    return end_of(edge, number, od_websocket_new(edge->objects->net, NULL, false));
}

static void throw_away(struct od_objects *objects, struct od_edge_end *end)
{
    od_websocket_abort(end->websocket);
    od_map_remove(&objects->edges->by_number, &end->by_number);
    od_list_push_back(&objects->edges->waste, &end->link);
}

// It is looked at in each turn.
static void be_busy(struct od_edge *edge)
{
    if (od_list_is_empty(&edge->busy))
        od_list_push_back(&edge->objects->edges->busy, &edge->busy);
}

void od_edge_lose_way(struct od_edge *edge)
{
    if (edge->way != NULL)
        throw_away(edge->objects, edge->way);
    edge->way = NULL;
}

void od_edge_be_over(struct od_edge *edge)
{
    if (edge->state == OD_EDGE_OVER)
        return;
    edge->state = OD_EDGE_OVER;
    be_busy(edge);
    od_timers_clear(edge->objects->timers, &edge->timer);
    od_edge_lose_way(edge);
    throw_away(edge->objects, edge->client);
}

bool od_edge_end_is_closed(const struct od_edge_end *end)
{
    return end == NULL || od_websocket_ready_state(end->websocket) == OD_READY_CLOSED;
}

void od_edge_give_up(struct od_edge *edge, uint16_t code, od_slice why)
{
    od_edge_lose_way(edge);
    edge->state = OD_EDGE_OPEN; // Its client may still answer.
    od_timers_clear(edge->objects->timers, &edge->timer);
    od_websocket_resume(edge->client->websocket);
    od_websocket_close(edge->client->websocket, code, why);
    if (od_edge_end_is_closed(edge->client))
        od_edge_be_over(edge);
}

// --- News of its WebSockets ----------------------------------------------------------------------

// TCP then slows down who sends.
static void hold(struct od_edge_end *from, const struct od_edge_end *to)
{
    if (from->is_paused || od_websocket_buffered_bytes(to->websocket) < OD_EDGE_HELD_BYTES_MAX)
        return;
    from->is_paused = true;
    od_websocket_pause(from->websocket);
    be_busy(from->edge);
}

static void keep_unsure(struct od_edge *edge, od_slice payload, bool is_binary)
{
    edge->has_lost_unsure =
        edge->has_lost_unsure || edge->unsure.size + payload.size > OD_EDGE_UNSURE_BYTES_MAX;
    if (edge->has_lost_unsure) {
        od_bytes_deinit(&edge->unsure);
        return;
    }
    od_bytes_put_u8(&edge->unsure, is_binary);
    od_bytes_put_string(&edge->unsure, payload);
}

void od_edge_message(void *holder, od_slice payload, bool is_binary)
{
    struct od_edge_end *from = holder;
    struct od_edge *edge = from->edge;
    struct od_edge_end *to = from == edge->client ? edge->way : edge->client;
    if (edge->state == OD_EDGE_OVER || (from != edge->client && from != edge->way))
        return;
    od_edge_check(edge);
    if (to == NULL) { // It was read before nothing was read any more.
        od_edge_give_up(edge, 1012, OD_SLICE(OD_EDGE_WHY_LOST));
        return;
    }
    od_websocket_send(to->websocket, payload, is_binary);
    if (from == edge->client) {
        edge->mark++;
        keep_unsure(edge, payload, is_binary);
        od_edge_send_mark(edge);
    }
    hold(from, to);
}

// Who hears a Close passes it on; the answer comes back the same way.
static void pass_close(struct od_edge_end *to, uint16_t code, od_slice reason)
{
    if (to != NULL && !od_edge_end_is_closed(to))
        od_websocket_close(to->websocket, code, reason);
}

void od_edge_closed(void *holder, uint16_t code, od_slice reason, bool was_clean)
{
    const struct od_edge_end *end = holder;
    struct od_edge *edge = end->edge;
    od_edge_check(edge);
    if (edge->state == OD_EDGE_OVER)
        return;
    if (was_clean)
        pass_close(end == edge->client ? edge->way : edge->client, code, reason);
    else if (end == edge->way)
        od_edge_be_lost(edge);
    else
        od_edge_be_over(edge);
    if (edge->state != OD_EDGE_OVER && od_edge_end_is_closed(edge->client) &&
        od_edge_end_is_closed(edge->way))
        od_edge_be_over(edge);
}

void od_edge_pong(void *holder, od_slice payload)
{
    const struct od_edge_end *end = holder;
    struct od_cursor cursor = od_cursor_of(payload);
    uint64_t mark = od_cursor_u64(&cursor), facts = od_cursor_u64(&cursor);
    struct od_edge *edge = end->edge;
    if (end != edge->way || cursor.failed || mark > edge->mark)
        return; // It makes no sense.
    od_edge_confirm(edge, mark);
    edge->facts_due = facts;
}

// --- News of its object's worker -----------------------------------------------------------------

void od_edge_receive_facts(struct od_objects *objects, uint32_t place, od_slice body)
{
    struct od_identity identity;
    struct od_cursor cursor = od_cursor_of(body);
    struct od_edge *edge = find_of(objects, place, od_cursor_u64(&cursor));
    uint64_t socket = od_cursor_u64(&cursor), facts = od_cursor_u64(&cursor);
    od_slice rest = od_cursor_rest(&cursor);
    struct od_cursor parts = od_cursor_of(rest);
    od_identity_read(&parts, &identity);
    od_slice kept = od_cursor_string(&parts);
    if (edge == NULL || cursor.failed || parts.failed || kept.size > OD_EDGE_KEPT_BYTES_MAX)
        return;
    bool is_found = edge->state == OD_EDGE_OPEN && edge->is_awaited && edge->way != NULL;
    bool is_new = facts == 1 && edge->way != NULL; // It has not heard the marks before.
    edge->socket = socket;
    if (is_found) {
        edge->is_awaited = false;
        od_edge_send_unsure(edge);
        od_websocket_resume(edge->client->websocket);
    } else if (is_new && edge->mark != edge->confirmed) {
        od_edge_send_mark(edge);
    }
    edge->facts = facts;
    od_bytes_clear(&edge->identity);
    od_identity_put(&edge->identity, &identity);
    od_bytes_clear(&edge->kept);
    od_bytes_put_slice(&edge->kept, kept);
}

void od_edge_receive_gone(struct od_objects *objects, uint32_t place, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct od_edge *edge = find_of(objects, place, od_cursor_u64(&cursor));
    bool has_moved = od_cursor_u8(&cursor) != 0;
    uint64_t count = od_cursor_u64(&cursor);
    uint32_t next = od_cursor_u32(&cursor);
    if (edge == NULL || cursor.failed)
        return;
    edge->next = od_places_are_workers(objects, next) ? next : od_places_nowhere(objects);
    edge->is_cut = !has_moved;
    edge->has_moved = has_moved;
    if (has_moved) { // What it has said last is on its way; nothing more is said to it.
        edge->is_count_known = count <= edge->mark;
        od_edge_confirm(edge, count);
        od_websocket_pause(edge->client->websocket);
    }
    if (edge->state == OD_EDGE_LOST && has_moved)
        od_edge_begin_seeking(edge);
    else if (edge->state == OD_EDGE_LOST)
        od_edge_be_over(edge);
}

// One that has kept its way has its socket in the worker that has taken the place of another.
void od_edges_peer(struct od_objects *objects, uint32_t place)
{
    OD_LIST_EACH_SAFE (link, &objects->edges->all) {
        struct od_edge *edge = OD_LIST_MEMBER(link, struct od_edge, link);
        if (edge->state == OD_EDGE_OPEN && edge->place == place && edge->way != NULL &&
            edge->socket != 0) {
            od_edge_introduce(edge);
        } else if (edge->state == OD_EDGE_LOST && edge->place == place) {
            od_edge_begin_seeking(edge);
        }
    }
    od_edges_moved(objects);
}

void od_edges_peer_gone(struct od_objects *objects, uint32_t place)
{
    OD_LIST_EACH_SAFE (link, &objects->edges->all) {
        struct od_edge *edge = OD_LIST_MEMBER(link, struct od_edge, link);
        if (edge->state == OD_EDGE_LOST && edge->place == place)
            od_edge_begin_seeking(edge);
    }
}

void od_edges_moved(struct od_objects *objects)
{
    OD_LIST_EACH_SAFE (link, &objects->edges->all) {
        struct od_edge *edge = OD_LIST_MEMBER(link, struct od_edge, link);
        if (edge->state == OD_EDGE_SEEKING)
            od_edge_seek(edge);
    }
}

// --- Beginning and end ---------------------------------------------------------------------------

static struct od_edge *edge_new(struct od_objects *objects, uint32_t place, uint64_t number)
{
    struct od_edge *edge = od_allocate_zeroed(sizeof *edge);
    edge->objects = objects;
    edge->place = place;
    edge->number = number;
    edge->next = od_places_nowhere(objects);
    edge->timer.fire = od_edge_on_time;
    od_list_init(&edge->link);
    od_list_init(&edge->busy);
    od_list_push_back(&objects->edges->all, &edge->link);
    return edge;
}

// Its client is here and at rest, and its object goes.
static void take_socket(struct od_socket *socket)
{
    struct od_objects *objects = socket->object->objects;
    struct od_bytes kept = {0};
    OD_ASSERT(od_socket_is_at_rest(socket));
    struct od_edge *edge = edge_new(objects, objects->worker, socket->id);
    edge->socket = socket->id;
    edge->next = od_places_next(socket->object);
    od_identity_put(&edge->identity, &socket->object->identity);
    od_keep_put_facts(&kept, socket);
    od_bytes_put_slice(&edge->kept, od_slice_from(od_bytes_slice(&kept), 4)); // It is a str there.
    od_bytes_deinit(&kept);
    edge->client = end_of(edge, edge->number, od_socket_give_websocket(socket));
    edge->state = OD_EDGE_LOST;
    od_websocket_pause(edge->client->websocket);
    od_edge_begin_seeking(edge);
}

void od_edges_take(struct od_object *object)
{
    OD_LIST_EACH_SAFE (link, &object->sockets) {
        struct od_socket *socket = OD_LIST_MEMBER(link, struct od_socket, link);
        bool is_clients = !socket->is_events && socket->wish == NULL;
        if (!is_clients || !od_socket_is_at_rest(socket))
            continue;
        if (!od_remote_leave(socket) && !od_websocket_is_client(socket->websocket))
            take_socket(socket);
    }
}

static void begin(struct od_objects *objects, uint32_t place, uint64_t number, od_slice record,
                  int fd)
{
    struct od_error err;
    OD_ASSERT(od_places_are_far(objects, place));
    struct od_edge *edge = edge_new(objects, place, ++objects->next_number);
    edge->client = od_edge_end_new(edge, edge->number);
    od_websocket_pause(edge->client->websocket); // Until there is a way.
    if (!od_websocket_attach(edge->client->websocket, record, fd, &err)) {
        od_edge_be_over(edge);
        return;
    }
    if (od_edge_connect(edge, number))
        od_websocket_resume(edge->client->websocket);
    else
        od_edge_give_up(edge, 1012, OD_SLICE(OD_EDGE_WHY_LOST));
}

static void go_on(struct od_edge_end *from, const struct od_edge_end *to)
{
    if (!from->is_paused || od_websocket_buffered_bytes(to->websocket) > OD_EDGE_HELD_BYTES_MIN)
        return;
    from->is_paused = false;
    od_websocket_resume(from->websocket);
}

static void free_edge(struct od_edge *edge)
{
    od_list_remove(&edge->link);
    od_list_remove(&edge->busy);
    od_bytes_deinit(&edge->identity);
    od_bytes_deinit(&edge->kept);
    od_bytes_deinit(&edge->unsure);
    free(edge);
}

static void free_waste(struct od_objects *objects)
{
    struct od_list *link;
    while ((link = od_list_pop_front(&objects->edges->waste)) != NULL) {
        struct od_edge_end *end = OD_LIST_MEMBER(link, struct od_edge_end, link);
        od_websocket_free(end->websocket);
        free(end);
    }
}

static void turn(struct od_edge *edge)
{
    if (edge->state == OD_EDGE_OVER) {
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
    OD_LIST_EACH_SAFE (link, &objects->edges->busy)
        turn(OD_LIST_MEMBER(link, struct od_edge, busy));
}

void od_edges_close(struct od_objects *objects, uint16_t code, od_slice reason)
{
    OD_LIST_EACH_SAFE (link, &objects->edges->all) {
        struct od_edge *edge = OD_LIST_MEMBER(link, struct od_edge, link);
        if (edge->state != OD_EDGE_OVER)
            od_edge_give_up(edge, code, reason);
    }
}

static const struct od_edge_keeper keeper = {
    .begin = begin, .facts = od_edge_receive_facts, .gone = od_edge_receive_gone};

void od_edges_init(struct od_edges *edges, struct od_objects *objects)
{
    objects->edges = edges;
    objects->edge_keeper = &keeper;
    od_list_init(&edges->all);
    od_list_init(&edges->busy);
    od_list_init(&edges->waste);
    od_map_init(&edges->by_number);
}

void od_edges_deinit(struct od_objects *objects)
{
    OD_LIST_EACH_SAFE (link, &objects->edges->all)
        od_edge_be_over(OD_LIST_MEMBER(link, struct od_edge, link));
    od_edges_turn(objects);
    OD_ASSERT(od_list_is_empty(&objects->edges->all));
    od_map_deinit(&objects->edges->by_number);
}
