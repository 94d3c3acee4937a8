#include "net/net.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "link/connection.h"
#include "link/worker_page.h"
#include "net/dial.h"
#include "net/exchange.h"
#include "net/fetch.h"
#include "net/tunnel.h"
#include "net/websocket_state.h"
#include "net/wire_inner.h"

bool od_net_init(struct od_net *net, struct od_loop *loop, const struct od_net_events *events,
                 void *owner, struct od_error *err)
{
    OD_ASSERT(events != NULL);
    *net = (struct od_net){.loop = loop, .events = events, .owner = owner};
    net->limits = OD_NET_LIMITS_DEFAULT;
    net->allowed_hosts = OD_SLICE("*");
    od_list_init(&net->wires);
    od_list_init(&net->dirty);
    od_list_init(&net->late);
    od_list_init(&net->tunnels);
    od_keepalives_init(&net->keepalives, loop, &od_websocket_keepalive_events);
    od_list_init(&net->touched);
    od_list_init(&net->line);
    od_list_init(&net->promised);
    net->read_bytes = od_allocate(OD_NET_READ_BYTES_MAX);
    net->deflate = od_deflate_new();
    if (od_lookout_init(&net->lookout, loop, err))
        return true;
    od_net_deinit(net);
    return false;
}

void od_net_deinit(struct od_net *net)
{
    od_keepalives_stop(&net->keepalives);
    OD_LIST_EACH (link, &net->wires)
        od_wire_cut(OD_LIST_MEMBER(link, struct od_wire, all));
    do
        od_net_flush(net);
    while (od_net_flushes_on(net));
    od_dials_free(net);
    od_tunnels_free(net);
    od_fetches_free(net->fetches); // Before libwebsockets, which closes a descriptor twice.
    od_lookout_deinit(&net->lookout);
    OD_ASSERT(od_list_is_empty(&net->wires));
    OD_ASSERT(net->going_bytes == 0);
    OD_ASSERT(net->inflating_bytes == 0);
    OD_ASSERT(net->exchanges.size == 0);
    OD_ASSERT(net->websocket_count == 0);
    od_map_deinit(&net->exchanges);
    od_deflate_free(net->deflate);
    free(net->read_bytes);
    free(net->decoder); // Nothing is in it.
    od_wire_free_spares(net);
    od_spares_deinit(&net->spare_bytes);
}

od_time_ms od_net_transfer_ms(const struct od_net *net, size_t size)
{
    return net->limits.body_ms + (od_time_ms)size * 1000 / OD_NET_RATE_MIN;
}

static void tell_over(const struct od_net *net, uint64_t number)
{
    if (net->tells_over && number != 0)
        net->events->connection_over(net->owner, number);
}

void od_net_close(struct od_net *net, int fd)
{
    OD_ASSERT(fd >= 0);
    uint64_t number = net->tells_over ? od_connection_number(fd) : 0;
    close(fd);
    tell_over(net, number);
}

void od_net_hang_up(struct od_net *net, int fd)
{
    OD_ASSERT(fd >= 0);
    shutdown(fd, SHUT_RDWR); // Main may have a duplicate.
    od_net_close(net, fd);
}

void od_net_read(struct od_net *net)
{
    OD_ASSERT(!net->is_in_event);
    od_lookout_tell(&net->lookout, od_wire_ready);
}

// The clock is read before some: a small frame takes hardly longer to send.
static bool is_left(int64_t ends_us, unsigned looks)
{
    enum {
        looks_a_reading = 4
    };
    return looks % looks_a_reading != 0 || od_clock_passed_us() < ends_us;
}

static void flush_late(struct od_net *net, int64_t ends_us)
{
    unsigned looks = 0;
    while (is_left(ends_us, looks++) && !od_list_is_empty(&net->late)) {
        struct od_wire *wire = OD_LIST_MEMBER(net->late.next, struct od_wire, dirty);
        od_wire_unmark(wire);
        od_wire_flush(wire);
    }
}

// A wire that is served here may put itself or others back on the list, through what its end makes
// others do; those wait for the next flush, or this one might never end.
static void flush_dirty(struct od_net *net, int64_t ends_us)
{
    struct od_list now, *link;
    od_list_init(&now);
    od_list_move_all(&now, &net->dirty);
    unsigned looks = 0;
    while (is_left(ends_us, looks++) && (link = od_list_pop_front(&now)) != NULL)
        od_wire_flush(OD_LIST_MEMBER(link, struct od_wire, dirty));
    while ((link = od_list_pop_front(&now)) != NULL)
        od_wire_mark_late(OD_LIST_MEMBER(link, struct od_wire, dirty));
}

// What is late has a part of the time for itself: whoever sends much in each turn does not keep it.
void od_net_flush(struct od_net *net)
{
    OD_ASSERT(!net->is_in_event);
    int64_t now_us = od_clock_passed_us();
    flush_dirty(net, now_us + OD_NET_FLUSH_US);
    flush_late(net, now_us + OD_NET_FLUSH_US + OD_NET_FLUSH_LATE_US);
}

bool od_net_flushes_on(const struct od_net *net)
{
    OD_ASSERT((net->late_count == 0) == od_list_is_empty(&net->late));
    return net->late_count > 0;
}

bool od_net_is_behind(const struct od_net *net)
{
    return net->late_count > OD_NET_LATE_MAX;
}

void od_net_drain(struct od_net *net)
{
    OD_ASSERT(!net->is_draining);
    net->is_draining = true;
    od_keepalives_stop(&net->keepalives);
    od_exchanges_drain(net);
}

void od_net_hold(struct od_net *net)
{
    net->is_held = true;
    od_keepalives_stop(&net->keepalives);
    OD_LIST_EACH (link, &net->wires)
        od_wire_fit_wishes(OD_LIST_MEMBER(link, struct od_wire, all));
}

bool od_net_can_part(const struct od_net *net)
{
    OD_LIST_EACH (link, &net->wires) {
        const struct od_wire *wire = OD_LIST_MEMBER(link, struct od_wire, all);
        bool is_websocket = wire->owner != NULL && wire->place < OD_PAGE_SOCKETS_MAX;
        if (!is_websocket && od_wire_waiting_bytes(wire) > 0)
            return false;
    }
    return od_list_is_empty(&net->line);
}

bool od_net_is_idle(const struct od_net *net)
{
    OD_LIST_EACH (link, &net->wires) {
        if (!od_wire_is_done(OD_LIST_MEMBER(link, struct od_wire, all)))
            return false;
    }
    return true;
}
