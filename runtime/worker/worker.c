#include "worker/worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/fault.h"
#include "base/log.h"
#include "link/link.h"
#include "link/worker_page.h"
#include "net/net.h"
#include "object/call.h"
#include "object/objects.h"
#include "object/operator/look.h"
#include "object/operator/report.h"
#include "object/parts/call_mark.h"
#include "object/pressure.h"
#include "object/refusal.h"
#include "object/remote.h"
#include "object/restore.h"
#include "object/socket.h"
#include "object/trace.h"
#include "object/versions/leftovers.h"
#include "object/versions/renewal.h"
#include "store/limits.h"
#include "store/store.h"
#include "worker/breakout.h"
#include "worker/main_messages.h"
#include "worker/net_news.h"
#include "worker/parting.h"
#include "worker/peers.h"
#include "worker/settle.h"
#include "worker/versions.h"

// While draining: how long a client may take to answer our Close before it is cut.
#define DRAIN_CLOSE_MS 1000
#define DRAIN_LOOK_MS 5
#define SAY_BEHIND_MS 10000 // Not more often that the disk is behind.

static void check(const struct od_worker *worker)
{
    OD_ASSERT(worker->objects.main == &worker->main);
    OD_ASSERT(worker->objects.peers[worker->objects.worker_count] == &worker->main);
    OD_ASSERT(worker->link_count > 0);
    OD_ASSERT(!worker->has_closed_sockets || worker->is_draining);
    OD_ASSERT(!worker->is_draining || worker->is_restored);
}

// --- A turn --------------------------------------------------------------------------------------

static void submit_batches(struct od_worker *worker)
{
    struct od_submission submission;
    while (od_store_next_submission(worker->store, &submission)) {
        size_t mark = od_link_begin(&worker->main, OD_KIND_BATCHES, -1);
        od_bytes_put_u32(&worker->main.out, submission.generation);
        od_bytes_put_u64(&worker->main.out, submission.seq);
        od_bytes_put_slice(&worker->main.out, submission.batches);
        od_link_end(&worker->main, mark);
        od_commit_times_left(&worker->commit_times, submission.seq);
    }
    od_store_end_turn(worker->store);
    OD_ASSERT(worker->objects.next_number >= worker->page->last_number);
    worker->page->last_number = worker->objects.next_number;
}

// Main hears first: of what a client is told here, nothing may be unknown to it. While its link is
// full no socket is shown to be at rest.
static void release_outboxes(struct od_worker *worker)
{
    od_edges_turn(&worker->objects);
    od_link_flush(&worker->main);
    if (!od_standing_may_send(&worker->standing))
        return;
    if (od_link_waiting_bytes(&worker->main) == 0)
        od_net_settle(&worker->net);
    od_net_flush(&worker->net);
    OD_LIST_EACH (link, &worker->peers)
        od_link_flush(&OD_LIST_MEMBER(link, struct od_peer, in_worker)->link);
    od_call_marks_settle(&worker->objects.call_marks, worker->page, worker->objects.peers);
    worker->has_more = od_net_flushes_on(&worker->net) || worker->has_more;
}

static void look_again(struct od_timer *timer)
{
    od_worker_look_again(OD_TIMER_MEMBER(timer, struct od_worker, drain_timer));
}

void od_worker_look_again(struct od_worker *worker)
{
    worker->drain_timer.fire = look_again;
    od_loop_set_timer(&worker->loop, &worker->drain_timer, DRAIN_LOOK_MS);
}

void od_worker_begin_drain(struct od_worker *worker)
{
    OD_ASSERT(!worker->is_draining);
    worker->is_draining = worker->is_restored = true;
    od_net_drain(&worker->net);
    od_objects_drain(&worker->objects);
    od_worker_look_again(worker);
}

static bool is_quiet(const struct od_worker *worker)
{
    const struct od_objects *objects = &worker->objects;
    return objects->tasks.size == 0 && objects->calls.size == 0 &&
           od_list_is_empty(&objects->ready) && od_list_is_empty(&objects->gated);
}

static void close_sockets(struct od_worker *worker)
{
    OD_ASSERT(!worker->has_closed_sockets);
    worker->net.limits.close_ms = DRAIN_CLOSE_MS;
    od_edges_close(&worker->objects, 1001, OD_SLICE("the server is going away"));
    struct od_map_node *node = od_map_next(&worker->objects.sockets, NULL), *next;
    for (; node != NULL; node = next) {
        next = od_map_next(&worker->objects.sockets, node); // One that only connects goes at once.
        struct od_socket *socket = OD_MAP_MEMBER(node, struct od_socket, by_id);
        if (!od_remote_leave(socket))
            od_socket_close(socket, 1001, OD_SLICE("the server is going away"));
    }
}

// Handlers that were told of the end may have connected again. To close these as well would tell
// them of that, and so on without end.
static void cut_new_sockets(struct od_worker *worker)
{
    OD_ASSERT(worker->has_closed_sockets);
    struct od_map_node *node = od_map_next(&worker->objects.sockets, NULL), *next;
    for (; node != NULL; node = next) {
        next = od_map_next(&worker->objects.sockets, node);
        struct od_socket *socket = OD_MAP_MEMBER(node, struct od_socket, by_id);
        if (od_socket_ready_state(socket) == OD_READY_OPEN)
            od_socket_cut(socket);
    }
}

// First what runs may end, then sockets are closed, then what that caused may end.
static void drain(struct od_worker *worker)
{
    OD_ASSERT(worker->is_draining);
    if (!is_quiet(worker))
        return;
    if (worker->has_closed_sockets)
        cut_new_sockets(worker);
    else
        close_sockets(worker);
    worker->has_closed_sockets = true;
    if (worker->objects.sockets.size > 0 || !od_list_is_empty(&worker->nodes.edges.all) ||
        !od_net_is_idle(&worker->net))
        return;
    od_link_send(&worker->main, OD_KIND_DRAINED, (od_slice){NULL, 0}, -1);
    worker->is_over = true;
}

static void wake_up(struct od_timer *timer)
{
    (void)timer; // It only ends the wait.
}

// Nothing else is to be done in this turn, and perhaps for long.
static void rest(struct od_worker *worker)
{
    OD_ASSERT(!worker->has_more);
    od_time_ms again_ms = od_versions_idle(&worker->versions);
    worker->has_more = again_ms == 0;
    if (again_ms > 0)
        od_loop_set_timer(&worker->loop, &worker->rest_timer, again_ms);
}

// The memory of scripts is full. Idle instances are caches and go first. What is in use without
// them belongs to the script itself or to objects in the middle of something: a new worker then. It
// gets the sockets back.
static void make_room(struct od_worker *worker)
{
    struct od_script *script = worker->objects.script;
    if (script == NULL || !script->is_full(script))
        return;
    uint32_t count = od_pressure_evict_idle(&worker->objects);
    bool is_full = script->is_full(script);
    od_log(is_full ? OD_LOG_ERROR : OD_LOG_WARN, NULL,
           "the scripts of worker %u use all of --script-memory-mb %u; %u idle objects were put "
           "to sleep%s",
           worker->objects.worker, worker->options->script_memory_mb, count,
           is_full ? ", which is not enough: the worker ends and is replaced" : "");
    if (is_full)
        od_parting_end(worker, OD_EXIT_WRONG);
}

// Scripts run, unless they have written more than the disk can take. News of the committer needs no
// script, so whoever waits here is always let on, or its writes fail.
static bool may_deliver(struct od_worker *worker)
{
    bool was_behind = worker->is_behind;
    worker->is_behind = od_store_is_behind(worker->store);
    od_time_ms now_ms = od_clock_monotonic_ms();
    if (worker->is_behind && !was_behind)
        od_meters_count(&worker->page->meters, OD_METER_diskBehind, 1);
    if (worker->is_behind && !was_behind &&
        (worker->said_behind_ms == 0 || now_ms - worker->said_behind_ms >= SAY_BEHIND_MS)) {
        od_log(OD_LOG_WARN, NULL,
               "worker %u waits for the disk: more than %u MiB of its writes are not stored yet",
               worker->objects.worker, OD_STORE_ON_WAY_BYTES_MAX >> 20);
        worker->said_behind_ms = now_ms;
    }
    // An object that was woken before its sockets are back would not see them.
    return worker->is_restored && !worker->is_behind;
}

static void worker_turn(struct od_worker *worker)
{
    check(worker);
    worker->objects.arrival_us = 0;
    od_loop_wait(&worker->loop, !worker->has_more); // Links: messages become events.
    int64_t began_us = od_objects_arrival_us(&worker->objects);
    od_page_turn(worker->page);
    bool may_run = od_standing_begin_turn(&worker->standing) && may_deliver(worker);
    od_objects_begin_turn(&worker->objects, may_run);
    od_net_read(&worker->net); // Sockets: bytes become events, or are handled at once.
    od_objects_end_reading(&worker->objects);
    od_net_read_on(&worker->net);
    od_loop_fire(&worker->loop);
    worker->objects.arrival_us = -1;
    worker->has_more = may_run && od_objects_deliver(&worker->objects); // Lua runs.
    worker->has_more = od_renewal_turn(&worker->objects) || worker->has_more;
    if (worker->is_restored && !worker->is_draining && !worker->is_behind)
        worker->has_more = od_leftovers_turn(&worker->objects) || worker->has_more;
    worker->has_more = worker->has_more || od_net_reads_on(&worker->net);
    od_pressure_relieve(&worker->objects);
    od_standing_turn(&worker->standing);
    if (worker->is_draining)
        drain(worker);
    worker->has_more = od_versions_turn(&worker->versions) || worker->has_more;
    submit_batches(worker); // What Lua wrote goes to main, as one message.
    worker->has_more = od_store_forget(worker->store) || worker->has_more;
    od_removal_turn(&worker->objects);
    od_settle_turn(worker);
    od_log_teller_turn(&worker->log_teller, &worker->main);
    release_outboxes(worker); // What may leave, leaves; frames of one socket in one write.
    od_traces_turn(&worker->objects);
    od_parting_turn(worker);
    make_room(worker);
    od_log_settle(false);
    od_breakout_try();
    od_confine_report();
    od_meters_count(&worker->page->meters, OD_METER_busyUs,
                    (uint64_t)(od_clock_passed_us() - began_us));
    if (!worker->has_more)
        rest(worker);
}

// --- Beginning and end ---------------------------------------------------------------------------

static void init_objects(struct od_worker *worker, uint32_t index)
{
    OD_ASSERT(index < worker->options->workers);
    struct od_objects *objects = &worker->objects;
    objects->net = &worker->net;
    objects->store = worker->store;
    objects->inspector = &od_look_inspector;
    objects->timers = &worker->loop.timers;
    objects->main = &worker->main;
    objects->page = worker->page;
    objects->worker = index;
    objects->worker_count = worker->options->workers;
    od_places_init(&objects->places, worker->options->cluster != NULL);
    objects->peers = od_allocate_zeroed(od_places_count(objects) * sizeof *objects->peers);
    od_list_init(&worker->peers);
    objects->peers[objects->worker_count] = &worker->main;
    objects->idle_ms = worker->options->idle_ms;
    objects->event_limit_ms = worker->options->event_limit_ms;
    objects->logs_accesses = worker->options->log_requests;
    objects->shows_errors = worker->options->command == OD_COMMAND_DEV;
    objects->keeps_history = worker->options->history_ms > 0;
    objects->logs_queries = worker->options->log_queries;
    od_objects_init(objects);
    od_nodes_init(&worker->nodes, objects);
}

// What main waits for may still be in the link's buffer.
static void flush_to_main(struct od_worker *worker)
{
    while (od_link_waiting_bytes(&worker->main) > 0 && !worker->main.is_gone) {
        od_link_flush(&worker->main);
        od_loop_poll(&worker->loop, true);
    }
}

// Before libwebsockets is shut down: it closes one of its descriptors twice, and a descriptor that
// arrives on a link in between could have got that number.
static void close_links(struct od_worker *worker)
{
    flush_to_main(worker);
    od_loop_clear_timer(&worker->loop, &worker->drain_timer);
    od_loop_clear_timer(&worker->loop, &worker->rest_timer);
    od_standing_deinit(&worker->standing);
    OD_LIST_EACH_SAFE (link, &worker->peers)
        od_peer_forget(OD_LIST_MEMBER(link, struct od_peer, in_worker));
    od_link_close(&worker->main);
    while (worker->link_count > 0)
        od_loop_poll(&worker->loop, true);
}

// Once all that is written to is open, and before the script is loaded.
static void confine(const struct od_worker *worker)
{
    struct od_error err;
    if (worker->options->confine && !od_confine(&err))
        od_log(OD_LOG_WARN, NULL, "worker %u: %s", worker->objects.worker, err.text);
}

static bool open_and_serve(struct od_worker *worker, od_script_new *new_script, uint32_t index,
                           struct od_error *err)
{
    struct od_store_files files;
    memcpy(&files, worker->page->files, sizeof files);
    bool is_open = od_store_open(&worker->store, worker->options->data_dir, err) &&
                   od_store_has_files(worker->store, &files, err) &&
                   od_net_init(&worker->net, &worker->loop, &od_net_news_events, worker, err);
    if (!is_open) {
        od_main_messages_say_failed(worker, err->text);
        close_links(worker);
        od_store_close(worker->store);
        return false;
    }
    init_objects(worker, index);
    confine(worker);
    worker->net.page = worker->net.unbegun.page = worker->page;
    worker->net.meters = &worker->page->meters;
    worker->net.fetch_inside_denied = worker->options->fetch_private_denied;
    od_keepalives_set_ping_ms(&worker->net.keepalives, worker->options->ping_ms);
    worker->net.tells_over = worker->options->connections_per_address > 0;
    worker->net.trusted_proxies = worker->options->trusted_proxies;
    worker->net.allowed_hosts = od_options_host_names(worker->options);
    worker->net.allowed_origins = od_slice_of(worker->options->allow_origin);
    od_versions_init(&worker->versions, &worker->objects, worker->options, new_script);
    while (!worker->is_over)
        worker_turn(worker);
    // From the top down: scripts need objects, objects the net and the store.
    od_versions_deinit(&worker->versions);
    od_objects_deinit(&worker->objects);
    od_nodes_deinit(&worker->objects);
    close_links(worker);
    od_net_deinit(&worker->net);
    od_store_close(worker->store);
    return true;
}

int od_worker_main(const struct od_options *options, od_script_new *new_script, uint32_t index,
                   int link_fd, int page_fd)
{
    od_fault_open();
    od_log_setup(options->log_format, options->log_level);
    struct od_worker worker = {
        .options = options, .link_count = 1, .rest_timer = {.fire = wake_up}};
    struct od_error err;
    if (options->confine)
        od_confine_prepare();
    if (!od_worker_page_open(&worker.page, page_fd, &err) || !od_loop_init(&worker.loop, &err) ||
        !od_link_init(&worker.main, &worker.loop.uv, link_fd, &od_main_messages_events, &worker,
                      &err)) {
        od_log(OD_LOG_ERROR, NULL, "worker %u cannot start: %s", index, err.text);
        return OD_EXIT_WRONG;
    }
    od_standing_init(&worker.standing, &worker.loop, &worker.objects, worker.page);
    if (!open_and_serve(&worker, new_script, index, &err))
        worker.exit_code = OD_EXIT_WRONG;
    free(worker.objects.peers);
    od_bytes_deinit(&worker.settling);
    od_log_teller_deinit(&worker.log_teller);
    od_loop_deinit(&worker.loop);
    od_log_settle(true);
    od_worker_page_free(worker.page);
    return worker.exit_code;
}
