#include "main/nodes/node_seats.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"

static bool is_there(const struct od_child *child)
{
    return child->has_link && !child->link.is_closing && child->state != OD_CHILD_ENDED &&
           child->state != OD_CHILD_ABSENT;
}

static uint32_t place_of(const struct od_node_process *nodes, uint32_t seat, uint32_t worker)
{
    return od_seat_place(nodes->options->workers, (struct od_seated){seat, worker});
}

static bool is_seat_there(const struct od_node_process *nodes, uint32_t seat, uint32_t worker)
{
    OD_ASSERT(seat < OD_SEATS_MAX);
    OD_ASSERT(worker < OD_WORKERS_MAX);
    return (nodes->seats[seat].there >> worker & 1) != 0;
}

// --- Workers here hear of those there ------------------------------------------------------------

// Both get an end of a link to each other.
static void introduce(struct od_node_process *nodes, struct od_child *child, uint32_t place)
{
    int fds[2];
    struct od_error err;
    if (!nodes->is_ready)
        return;
    if (!od_link_pair(fds, &err)) {
        od_log(OD_LOG_ERROR, NULL, "worker %u cannot call another node: %s", child->index,
               err.text);
        return;
    }
    size_t mark = od_link_begin(&child->link, OD_KIND_PEER, fds[0]);
    od_bytes_put_u32(&child->link.out, place);
    od_link_end(&child->link, mark);
    mark = od_link_begin(&nodes->link, OD_KIND_NODE_PAIR, fds[1]);
    od_bytes_put_u32(&nodes->link.out, child->index);
    od_bytes_put_u32(&nodes->link.out, place);
    od_link_end(&nodes->link, mark);
}

// Of its calls those are told that are of this child.
static void tell_end(struct od_child *child, uint32_t place, bool all, struct od_cursor calls)
{
    size_t mark = od_link_begin(&child->link, OD_KIND_PEER_ENDED, -1);
    od_bytes_put_u32(&child->link.out, place);
    od_bytes_put_u8(&child->link.out, all);
    while (!od_cursor_at_end(&calls)) {
        uint32_t caller = od_cursor_u32(&calls);
        uint64_t call = od_cursor_u64(&calls);
        if (caller == child->index)
            od_bytes_put_u64(&child->link.out, call);
    }
    od_link_end(&child->link, mark);
}

static void end_place(struct od_node_process *nodes, uint32_t place, bool all,
                      struct od_cursor calls)
{
    for (uint32_t i = 0; i < nodes->supervisor->child_count; i++) {
        if (is_there(&nodes->supervisor->children[i]))
            tell_end(&nodes->supervisor->children[i], place, all, calls);
    }
}

// Nobody knows what of ours they had begun.
static void lose(struct od_node_process *nodes, uint32_t seat)
{
    for (uint32_t worker = 0; worker < OD_WORKERS_MAX; worker++) {
        if (is_seat_there(nodes, seat, worker))
            end_place(nodes, place_of(nodes, seat, worker), true,
                      od_cursor_of((od_slice){NULL, 0}));
    }
    nodes->seats[seat].there = 0;
    nodes->seats[seat].workers = 0;
    nodes->has_news = true;
}

void od_node_seats_lose_all(struct od_node_process *nodes)
{
    for (uint32_t seat = 0; seat < OD_SEATS_MAX; seat++)
        lose(nodes, seat);
}

void od_node_seats_take_state(struct od_node_process *nodes, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint32_t seat = od_cursor_u32(&cursor), workers = od_cursor_u32(&cursor);
    // That process speaks with the network, and may have been taken over.
    if (cursor.failed || seat >= OD_SEATS_MAX || workers > OD_WORKERS_MAX)
        return;
    lose(nodes, seat);
    nodes->seats[seat].workers = workers;
}

void od_node_seats_take_worker(struct od_node_process *nodes, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint32_t place = od_cursor_u32(&cursor);
    (void)od_cursor_u32(&cursor); // Its life is the other process's business.
    bool has_come = od_cursor_u8(&cursor) != 0, all = od_cursor_u8(&cursor) != 0;
    if (cursor.failed || place <= nodes->options->workers ||
        place >= od_seat_places(nodes->options->workers))
        return;
    struct od_seated seated = od_seat_of(nodes->options->workers, place);
    uint64_t bit = UINT64_C(1) << seated.worker;
    struct od_node_seat *seat = &nodes->seats[seated.seat];
    end_place(nodes, place, all, cursor);
    seat->there = has_come ? seat->there | bit : seat->there & ~bit;
    for (uint32_t i = 0; i < nodes->supervisor->child_count && has_come; i++) {
        if (is_there(&nodes->supervisor->children[i]))
            introduce(nodes, &nodes->supervisor->children[i], place);
    }
}

// --- That process hears of workers here ----------------------------------------------------------

static size_t begin_worker(struct od_node_process *nodes, const struct od_child *child, bool there,
                           bool all)
{
    struct od_bytes *out = &nodes->link.out;
    size_t mark = od_link_begin(&nodes->link, OD_KIND_NODE_WORKER, -1);
    od_bytes_put_u32(out, child->index);
    od_bytes_put_u32(out, 0);
    od_bytes_put_u8(out, there);
    od_bytes_put_u8(out, all);
    return mark;
}

static void tell_there(struct od_node_process *nodes, const struct od_child *child)
{
    od_link_end(&nodes->link, begin_worker(nodes, child, true, false));
}

void od_node_process_born(struct od_node_process *nodes, struct od_child *child)
{
    OD_ASSERT(child->has_link);
    nodes->has_news = nodes->placement->is_cluster;
    nodes->is_told[child->index] = false;
    if (!nodes->is_ready)
        return;
    tell_there(nodes, child);
    for (uint32_t seat = 0; seat < OD_SEATS_MAX; seat++) {
        for (uint32_t worker = 0; worker < nodes->seats[seat].workers; worker++) {
            if (is_seat_there(nodes, seat, worker))
                introduce(nodes, child, place_of(nodes, seat, worker));
        }
    }
}

void od_node_process_ended(struct od_node_process *nodes, struct od_child *child)
{
    const struct od_worker_page *page = child->page;
    OD_ASSERT(page != NULL);
    if (!nodes->is_ready)
        return;
    size_t mark = begin_worker(nodes, child, false, page->calls_overflow != 0);
    for (uint32_t i = 0; i < page->call_count && i < OD_PAGE_CALLS_MAX; i++) {
        const struct od_page_call *call = &page->calls[i];
        if (call->number == 0 || call->worker <= nodes->options->workers)
            continue;
        od_bytes_put_u32(&nodes->link.out, call->worker);
        od_bytes_put_u64(&nodes->link.out, call->number);
    }
    od_link_end(&nodes->link, mark);
}

// --- Who the nodes are ---------------------------------------------------------------------------

static void tell_seat(struct od_node_process *nodes, uint32_t seat)
{
    const struct od_node_seat *taken = &nodes->seats[seat];
    const struct od_cluster_node *node = od_placement_node(nodes->placement, taken->id);
    if (!nodes->is_ready)
        return;
    size_t mark = od_link_begin(&nodes->link, OD_KIND_NODE_KNOWN, -1);
    od_bytes_put_u32(&nodes->link.out, seat);
    od_bytes_put_u32(&nodes->link.out, taken->id);
    od_bytes_put_u64(&nodes->link.out, taken->life);
    od_bytes_put_string(&nodes->link.out, od_slice_of(node == NULL ? "" : node->address));
    od_link_end(&nodes->link, mark);
}

static void join(struct od_node_process *nodes)
{
    const struct od_placement *placement = nodes->placement;
    if (!nodes->is_ready || nodes->has_joined || placement->self.id == 0)
        return;
    size_t mark = od_link_begin(&nodes->link, OD_KIND_NODE_SELF, -1);
    od_bytes_put_u32(&nodes->link.out, placement->self.id);
    od_bytes_put_u64(&nodes->link.out, placement->self.incarnation);
    od_bytes_put_string(&nodes->link.out, od_slice_of(placement->cluster_id));
    od_link_end(&nodes->link, mark);
    nodes->has_joined = true;
    char address[OD_CLUSTER_ADDRESS_BYTES];
    od_node_process_address(nodes, address, sizeof address);
    od_log(OD_LOG_INFO, NULL, "this is node %u, and others reach it at %s", placement->self.id,
           address);
}

static uint32_t seat_of(const struct od_node_process *nodes, od_node_id id)
{
    uint32_t seat = 0;
    while (seat < OD_SEATS_MAX && nodes->seats[seat].id != id)
        seat++;
    return seat;
}

// In a seat of its own, that of a former life, or the first that is free.
static void take_seat(struct od_node_process *nodes, const struct od_cluster_node *node)
{
    uint32_t at = seat_of(nodes, node->id);
    if (at < OD_SEATS_MAX && nodes->seats[at].life == node->incarnation) {
        tell_seat(nodes, at); // Perhaps it has another address.
        return;
    }
    if (at == OD_SEATS_MAX)
        at = seat_of(nodes, 0);
    if (at == OD_SEATS_MAX || node->id >= OD_NODE_IDS_MAX) {
        od_log(OD_LOG_ERROR, NULL, "node %u cannot be linked: there are more than %d others",
               node->id, OD_SEATS_MAX);
        return;
    }
    nodes->seats[at].id = node->id;
    nodes->seats[at].life = node->incarnation;
    tell_seat(nodes, at);
}

bool od_node_process_is_linked(const struct od_node_process *nodes, od_node_id id)
{
    uint32_t seat = id == 0 ? OD_SEATS_MAX : seat_of(nodes, id);
    return seat < OD_SEATS_MAX && nodes->seats[seat].workers > 0;
}

bool od_node_process_find(const struct od_node_process *nodes, od_node_id id, uint32_t worker,
                          uint32_t *place)
{
    if (!od_node_process_is_linked(nodes, id) || worker >= OD_WORKERS_MAX)
        return false;
    uint32_t seat = seat_of(nodes, id);
    *place = place_of(nodes, seat, worker);
    return is_seat_there(nodes, seat, worker);
}

void od_node_process_nodes_changed(struct od_node_process *nodes)
{
    const struct od_placement *placement = nodes->placement;
    for (uint32_t i = 0; i < OD_SEATS_MAX; i++) {
        if (nodes->seats[i].id == 0 || od_placement_node(placement, nodes->seats[i].id) != NULL)
            continue;
        lose(nodes, i);
        nodes->seats[i] = (struct od_node_seat){0};
        tell_seat(nodes, i);
    }
    for (size_t i = 0; i < placement->node_count; i++) {
        if (placement->nodes[i].id != placement->self.id)
            take_seat(nodes, &placement->nodes[i]);
    }
    join(nodes);
    nodes->has_news = true;
}

void od_node_seats_tell_all(struct od_node_process *nodes)
{
    for (uint32_t i = 0; i < OD_SEATS_MAX; i++) {
        if (nodes->seats[i].id != 0)
            tell_seat(nodes, i);
    }
    for (uint32_t i = 0; i < nodes->supervisor->child_count; i++) {
        if (is_there(&nodes->supervisor->children[i]))
            tell_there(nodes, &nodes->supervisor->children[i]);
    }
    join(nodes);
}

// --- Where objects are ---------------------------------------------------------------------------

void od_node_process_slots_changed(struct od_node_process *nodes)
{
    nodes->has_news = true;
}

static uint8_t owner_of(const struct od_node_process *nodes, od_slot slot)
{
    const struct od_placed_slot *placed = &nodes->placement->slots[slot];
    if (placed->place == OD_PLACE_HERE)
        return placed->is_filling ? OD_SLOT_FILLING : OD_SLOT_HERE;
    uint32_t at = placed->place == OD_PLACE_THERE ? seat_of(nodes, placed->node) : OD_SEATS_MAX;
    return at == OD_SEATS_MAX ? OD_SLOT_NOWHERE : (uint8_t)(OD_SLOT_SEATED + at);
}

// To whom each slot goes when this node gives it away.
static void put_heirs(const struct od_node_process *nodes, struct od_bytes *body)
{
    const struct od_placement *placement = nodes->placement;
    struct od_cluster_node *others = od_allocate((placement->node_count + 1) * sizeof *others);
    size_t count = 0;
    for (size_t i = 0; i < placement->node_count; i++) {
        if (placement->nodes[i].id != placement->self.id)
            others[count++] = placement->nodes[i];
    }
    for (od_slot slot = 0; slot < OD_SLOT_COUNT; slot++) {
        od_node_id heir = od_placement_rendezvous(others, count, slot);
        uint32_t at = heir == 0 ? OD_SEATS_MAX : seat_of(nodes, heir);
        od_bytes_put_u8(body,
                        at == OD_SEATS_MAX ? OD_SLOT_NOWHERE : (uint8_t)(OD_SLOT_SEATED + at));
    }
    free(others);
}

static void put_slots(const struct od_node_process *nodes, struct od_bytes *body)
{
    for (od_slot slot = 0; slot < OD_SLOT_COUNT; slot++)
        od_bytes_put_u8(body, owner_of(nodes, slot));
    put_heirs(nodes, body);
    for (uint32_t i = 0; i < OD_SEATS_MAX; i++)
        od_bytes_put_u8(body, (uint8_t)nodes->seats[i].workers);
}

static void tell_slots(struct od_node_process *nodes)
{
    struct od_bytes body = {0};
    put_slots(nodes, &body);
    for (uint32_t i = 0; i < nodes->supervisor->child_count; i++) {
        struct od_child *child = &nodes->supervisor->children[i];
        if (!is_there(child))
            continue;
        od_link_send(&child->link, OD_KIND_SLOTS, od_bytes_slice(&body), -1);
        nodes->is_told[child->index] = true;
    }
    for (od_slot slot = 0; slot < OD_SLOT_COUNT; slot++)
        nodes->told_here[slot] = nodes->placement->slots[slot].place == OD_PLACE_HERE;
    od_bytes_deinit(&body);
}

bool od_node_process_has_told(const struct od_node_process *nodes, const struct od_child *child,
                              od_slot slot)
{
    OD_ASSERT(child->index < OD_WORKERS_MAX);
    OD_ASSERT(slot < OD_SLOT_COUNT);
    return nodes->is_told[child->index] && nodes->told_here[slot];
}

void od_node_process_flush(struct od_node_process *nodes)
{
    if (nodes->has_news && nodes->placement->is_cluster)
        tell_slots(nodes);
    nodes->has_news = false;
    if (nodes->has_link && !nodes->link.is_gone)
        od_link_flush(&nodes->link);
}
