#include "worker/parting.h"

#include <unistd.h>

#include "base/log.h"
#include "object/keep.h"
#include "object/nodes/edge.h"
#include "object/sink.h"
#include "object/socket.h"
#include "object/stream.h"
#include "worker/peers.h"

enum {
    still_turns_min = 2, // What was put on links in the first has left in the second.
    long_task_ms = 100,
};

// Bodies on their way that no task of this worker writes.
static bool passes_bodies_on(const struct od_worker *worker)
{
    return od_sinks_feed(&worker->objects) || od_streams_feed(&worker->objects);
}

void od_parting_await_calm(struct od_worker *worker, od_time_ms ms)
{
    worker->parting.awaits_calm = true;
    worker->parting.asked_ms = od_clock_monotonic_ms();
    worker->parting.calm_ms = worker->parting.asked_ms + ms;
    if (od_objects_oldest_task_ms(&worker->objects) > long_task_ms || passes_bodies_on(worker))
        od_log(OD_LOG_INFO, NULL, "worker %u hands over when what runs has ended, within %d s",
               worker->objects.worker, (int)(ms / 1000));
    od_worker_look_again(worker);
}

static void look_whether_calm(struct od_worker *worker)
{
    OD_ASSERT(worker->parting.awaits_calm);
    od_time_ms now_ms = od_clock_monotonic_ms();
    bool has_looked = now_ms - worker->parting.asked_ms > long_task_ms; // All of them show by then.
    bool ends_soon = worker->objects.tasks.size == 0 ||
                     (has_looked && od_objects_oldest_task_ms(&worker->objects) <= long_task_ms);
    // And no answer takes long to leave.
    bool is_calm = ends_soon && od_net_can_part(&worker->net) && !passes_bodies_on(worker);
    if (!is_calm && now_ms < worker->parting.calm_ms)
        return;
    worker->parting.awaits_calm = false;
    if (!worker->parting.has_begun)
        od_loop_clear_timer(&worker->loop, &worker->drain_timer);
    od_link_send(&worker->main, OD_KIND_CALM, (od_slice){NULL, 0}, -1);
    od_link_flush(&worker->main);
}

void od_parting_begin(struct od_worker *worker, od_time_ms bound_ms)
{
    worker->parting.has_begun = true;
    worker->parting.until_ms = od_clock_monotonic_ms() + bound_ms;
    // Main has no duplicates of these.
    od_edges_close(&worker->objects, 1012, OD_SLICE("the worker of this client is replaced"));
    od_net_hold(&worker->net);
    od_objects_leave(&worker->objects);
    od_worker_look_again(worker);
    od_log(OD_LOG_INFO, NULL, "worker %u hands over", worker->objects.worker);
}

void od_parting_allow(struct od_worker *worker)
{
    OD_ASSERT(worker->parting.has_begun);
    worker->parting.may_part = true;
}

static bool links_are_empty(const struct od_worker *worker)
{
    OD_LIST_EACH (link, &worker->peers) {
        const struct od_peer *peer = OD_LIST_MEMBER(link, struct od_peer, in_worker);
        if (od_link_waiting_bytes(&peer->link) > 0)
            return false;
    }
    return od_link_waiting_bytes(&worker->main) == 0;
}

static bool is_still(const struct od_worker *worker)
{
    return worker->is_restored && od_objects_are_still(&worker->objects) &&
           od_net_can_part(&worker->net) && !passes_bodies_on(worker) && links_are_empty(worker);
}

static void count_still_turns(struct od_worker *worker)
{
    struct od_parting *parting = &worker->parting;
    OD_ASSERT(parting->has_begun);
    parting->still_turns = is_still(worker) ? parting->still_turns + 1 : 0;
    if (parting->still_turns > 0 && parting->still_turns < still_turns_min)
        worker->has_more = true;
}

// Others may have sent something that is not read yet: connections, and calls.
static void read_peers(struct od_worker *worker)
{
    OD_LIST_EACH_SAFE (link, &worker->peers)
        od_link_read_rest(&OD_LIST_MEMBER(link, struct od_peer, in_worker)->link);
}

static void say_still(struct od_worker *worker)
{
    OD_ASSERT(!worker->parting.has_said_still);
    worker->parting.has_said_still = true;
    od_link_send(&worker->main, OD_KIND_STILL, (od_slice){NULL, 0}, -1);
    od_link_flush(&worker->main);
}

void od_parting_turn(struct od_worker *worker)
{
    struct od_parting *parting = &worker->parting;
    if (parting->awaits_calm)
        look_whether_calm(worker);
    if (!parting->has_begun)
        return;
    count_still_turns(worker);
    bool is_late = od_clock_monotonic_ms() >= parting->until_ms;
    if (parting->still_turns < still_turns_min && !is_late)
        return;
    if (!parting->has_said_still)
        say_still(worker);
    if (!parting->may_part)
        return;
    read_peers(worker);
    if (is_still(worker) || is_late)
        od_parting_end(worker, OD_EXIT_CLEAN);
}

void od_parting_end(struct od_worker *worker, enum od_exit exit)
{
    struct od_map_node *node = NULL;
    while ((node = od_map_next(&worker->objects.sockets, node)) != NULL) {
        const struct od_socket *socket = OD_MAP_MEMBER(node, struct od_socket, by_id);
        if (od_socket_can_move(socket))
            od_keep_state(socket);
    }
    od_link_flush_all(&worker->main);
    od_log_settle(true);
    _exit(exit);
}
