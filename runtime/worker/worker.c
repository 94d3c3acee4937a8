#include "worker/worker.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "link/link.h"
#include "link/page.h"
#include "net/exchange.h"
#include "net/net.h"
#include "object/call.h"
#include "object/objects.h"
#include "object/pressure.h"
#include "object/refusal.h"
#include "object/report.h"
#include "object/restore.h"
#include "object/socket.h"
#include "store/store.h"
#include "worker/versions.h"

// While draining: how long a client may take to answer our Close before it is cut.
#define DRAIN_CLOSE_MS 1000
#define DRAIN_LOOK_MS 5

struct peer {
    struct od_link link;
    struct od_worker *worker;
    uint32_t index;
};

struct od_worker {
    const struct od_options *options;
    struct od_loop loop;
    struct od_net net;
    struct od_store *store;
    struct od_objects objects;
    struct od_versions versions;
    struct od_link main;
    struct od_page *page; // Shared with main.
    uint32_t link_count; // Open ones, main's among them; the memory of a link outlives its closing.
    bool has_more;       // Inboxes that did not get empty in the last turn.
    bool is_restored;    // All sockets of the life before are here; objects may be woken.
    bool is_draining;
    bool has_closed_sockets;
    struct od_timer rest_timer;  // The script wants to tidy up then.
    struct od_timer drain_timer; // While draining: looks again whether all is done.
    bool is_over;
    int exit_code;
};

// --- Messages from main and from other workers ---------------------------------------------------

static void receive_connection(struct od_worker *worker, od_slice body, int fd)
{
    struct od_cursor cursor = od_cursor_of(body);
    od_slice peer = od_cursor_string(&cursor);
    od_slice already_read = od_cursor_rest(&cursor);
    struct od_error err;
    if (fd >= 0 && !od_exchange_adopt(&worker->net, fd, peer, already_read, &err))
        od_log(OD_LOG_ERROR, NULL, "cannot serve a connection: %s", err.text);
}

static void peer_message(struct od_link *link, enum od_kind kind, od_slice body, int fd);
static void peer_gone(struct od_link *link);
static void peer_closed(struct od_link *link);

static const struct od_link_events peer_events = {peer_message, peer_gone, peer_closed};

static void forget_peer(struct od_worker *worker, uint32_t index)
{
    struct od_link *link = worker->objects.peers[index];
    if (link == NULL)
        return;
    worker->objects.peers[index] = NULL;
    od_call_peer_gone(&worker->objects, index);
    od_link_close(link);
}

static void receive_peer(struct od_worker *worker, od_slice body, int fd)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint32_t index = od_cursor_u32(&cursor);
    if (fd < 0 || index >= worker->objects.worker_count)
        return;
    forget_peer(worker, index);
    struct peer *peer = od_allocate_zeroed(sizeof *peer);
    peer->worker = worker;
    peer->index = index;
    od_link_init(&peer->link, &worker->loop.uv, fd, &peer_events, peer);
    worker->objects.peers[index] = &peer->link;
    worker->link_count++;
}

static void receive_durable(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t seq = od_cursor_u64(&cursor);
    od_store_durable(worker->store, seq);
    od_objects_durable(&worker->objects, seq);
}

static void receive_applied(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    od_store_applied(worker->store, od_cursor_u64(&cursor));
}

static void reset_broken(struct od_storage *storage)
{
    struct od_object *object = storage->owner;
    od_object_reset(object, object->objects->commit_failure);
}

static void receive_commit_failed(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    uint32_t generation = od_cursor_u32(&cursor);
    uint64_t first_seq = od_cursor_u64(&cursor);
    worker->objects.commit_failure = od_cursor_string(&cursor);
    od_log(OD_LOG_ERROR, NULL, "writes could not be stored: %.*s",
           (int)worker->objects.commit_failure.size, worker->objects.commit_failure.at);
    od_store_failed(worker->store, generation, first_seq, reset_broken);
    worker->objects.commit_failure = (od_slice){NULL, 0};
}

static void look_again(struct od_timer *timer)
{
    struct od_worker *worker = OD_TIMER_MEMBER(timer, struct od_worker, drain_timer);
    od_loop_set_timer(&worker->loop, timer, DRAIN_LOOK_MS);
}

static void receive_drain(struct od_worker *worker, od_slice body, int fd)
{
    (void)body;
    (void)fd;
    worker->is_draining = worker->is_restored = true;
    od_net_drain(&worker->net);
    od_objects_drain(&worker->objects);
    od_loop_set_timer(&worker->loop, &worker->drain_timer, DRAIN_LOOK_MS);
}

static void say_failed(struct od_worker *worker, const char *why);

static void receive_load(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    struct od_error err;
    if (od_versions_load(&worker->versions, body, &err))
        return;
    say_failed(worker, err.text);
    worker->is_over = true;
    worker->exit_code = OD_EXIT_WRONG;
}

static void receive_switch(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    od_versions_switch(&worker->versions, body);
    od_link_send(&worker->main, OD_KIND_SWITCHED, (od_slice){NULL, 0}, -1);
}

static void receive_discard(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    od_versions_discard(&worker->versions, body);
}

static void receive_status(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t question = od_cursor_u64(&cursor);
    size_t mark = od_link_begin(&worker->main, OD_KIND_STATUS_REPORT, -1);
    od_bytes_put_u64(&worker->main.out, question);
    od_report_put(&worker->main.out, &worker->objects);
    od_link_end(&worker->main, mark);
}

static void receive_call(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    od_call_receive(&worker->objects, from, body);
}

static void receive_reply(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)from;
    (void)fd;
    od_call_receive_reply(&worker->objects, body);
}

static void receive_cancel(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)fd;
    od_call_receive_cancel(&worker->objects, from, body);
}

static void receive_upgrade(struct od_worker *worker, uint32_t from, od_slice body, int fd)
{
    (void)from;
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t socket = od_cursor_u64(&cursor);
    od_socket_attach(&worker->objects, socket, od_cursor_rest(&cursor), fd);
}

static void receive_restore_object(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    od_restore_object(&worker->objects, body);
}

static void receive_restore_socket(struct od_worker *worker, od_slice body, int fd)
{
    od_restore_socket(&worker->objects, body, fd);
}

static void receive_refuse(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    od_refusal_receive(&worker->objects, body);
}

static void receive_restored(struct od_worker *worker, od_slice body, int fd)
{
    (void)body, (void)fd;
    worker->is_restored = true;
    od_link_send(&worker->main, OD_KIND_BACK, (od_slice){NULL, 0}, -1);
}

static void (*const from_main[OD_KIND_COUNT])(struct od_worker *, od_slice, int) = {
    [OD_KIND_CONNECTION] = receive_connection,
    [OD_KIND_PEER] = receive_peer,
    [OD_KIND_DURABLE] = receive_durable,
    [OD_KIND_APPLIED] = receive_applied,
    [OD_KIND_COMMIT_FAILED] = receive_commit_failed,
    [OD_KIND_DRAIN] = receive_drain,
    [OD_KIND_LOAD] = receive_load,
    [OD_KIND_SWITCH] = receive_switch,
    [OD_KIND_DISCARD] = receive_discard,
    [OD_KIND_STATUS] = receive_status,
    [OD_KIND_RESTORE_OBJECT] = receive_restore_object,
    [OD_KIND_RESTORE_SOCKET] = receive_restore_socket,
    [OD_KIND_REFUSE] = receive_refuse,
    [OD_KIND_RESTORED] = receive_restored,
};

static void (*const from_peer[OD_KIND_COUNT])(struct od_worker *, uint32_t, od_slice, int) = {
    [OD_KIND_CALL] = receive_call,
    [OD_KIND_REPLY] = receive_reply,
    [OD_KIND_CALL_CANCEL] = receive_cancel,
    [OD_KIND_UPGRADE] = receive_upgrade,
};

static void refuse(const char *sender, enum od_kind kind, int fd)
{
    od_log(OD_LOG_ERROR, NULL, "%s sent %s, which is not for a worker", sender, od_kind_name(kind));
    if (fd >= 0)
        close(fd);
}

static void main_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    if (from_main[kind] == NULL)
        refuse("main", kind, fd);
    else
        from_main[kind](link->owner, body, fd);
}

static void main_gone(struct od_link *link)
{
    struct od_worker *worker = link->owner;
    worker->is_over = true;
    worker->exit_code = worker->is_draining ? OD_EXIT_CLEAN : OD_EXIT_WRONG;
}

static void main_closed(struct od_link *link)
{
    ((struct od_worker *)link->owner)->link_count--;
}

static void peer_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct peer *peer = link->owner;
    if (from_peer[kind] == NULL)
        refuse("a worker", kind, fd);
    else
        from_peer[kind](peer->worker, peer->index, body, fd);
}

static void peer_gone(struct od_link *link)
{
    struct peer *peer = link->owner;
    if (peer->worker->objects.peers[peer->index] == link)
        forget_peer(peer->worker, peer->index);
}

static void peer_closed(struct od_link *link)
{
    struct peer *peer = link->owner;
    peer->worker->link_count--;
    free(peer);
}

static const struct od_link_events main_events = {main_message, main_gone, main_closed};

// --- News from the net ---------------------------------------------------------------------------

static void on_request(void *owner, uint64_t exchange, od_slice request)
{
    struct od_worker *worker = owner;
    od_call_route(od_call_new(&worker->objects, OD_FROM_EXCHANGE, worker->objects.worker, exchange),
                  request);
}

// The handler runs on: an object is not to be stopped in the middle by a client that leaves. Its
// answer will find nobody.
static void on_request_gone(void *owner, uint64_t exchange)
{
    (void)owner;
    (void)exchange;
}

static void on_message(void *owner, uint64_t websocket, od_slice payload, bool is_binary)
{
    struct od_socket *socket = od_socket_find(&((struct od_worker *)owner)->objects, websocket);
    if (socket != NULL)
        od_socket_message(socket, payload, is_binary);
}

static void on_closed(void *owner, uint64_t websocket, uint16_t code, od_slice reason,
                      bool was_clean)
{
    struct od_socket *socket = od_socket_find(&((struct od_worker *)owner)->objects, websocket);
    if (socket != NULL)
        od_socket_closed(socket, code, reason, was_clean);
}

static void on_failed(void *owner, uint64_t websocket, od_slice why)
{
    struct od_socket *socket = od_socket_find(&((struct od_worker *)owner)->objects, websocket);
    if (socket != NULL)
        od_socket_failed(socket, why);
}

static bool on_is_at_rest(void *owner, uint64_t websocket)
{
    const struct od_socket *socket =
        od_socket_find(&((struct od_worker *)owner)->objects, websocket);
    return socket != NULL && od_socket_is_at_rest(socket);
}

static const struct od_net_events net_events = {on_request, on_request_gone, on_message,
                                                on_closed,  on_failed,       on_is_at_rest};

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
    }
    od_store_end_turn(worker->store);
    worker->page->last_number = worker->objects.next_number;
}

// Main hears first: of what a client is told here, nothing may be unknown to it. While its link is
// full no socket is shown to be at rest.
static void release_outboxes(struct od_worker *worker)
{
    od_link_flush(&worker->main);
    if (od_link_waiting_bytes(&worker->main) == 0)
        od_net_settle(&worker->net);
    od_net_flush(&worker->net);
    for (uint32_t i = 0; i < worker->objects.worker_count; i++) {
        if (worker->objects.peers[i] != NULL)
            od_link_flush(worker->objects.peers[i]);
    }
}

static bool is_quiet(const struct od_worker *worker)
{
    const struct od_objects *objects = &worker->objects;
    return objects->tasks.size == 0 && objects->calls.size == 0 &&
           od_list_is_empty(&objects->ready) && od_list_is_empty(&objects->gated);
}

static void close_sockets(struct od_worker *worker)
{
    worker->net.limits.close_ms = DRAIN_CLOSE_MS;
    struct od_map_node *node = NULL;
    while ((node = od_map_next(&worker->objects.sockets, node)) != NULL)
        od_socket_close(OD_MAP_MEMBER(node, struct od_socket, by_id), 1001,
                        OD_SLICE("the server is going away"));
}

// First what runs may end, then sockets are closed, then what that caused may end.
static void drain(struct od_worker *worker)
{
    if (!is_quiet(worker))
        return;
    if (!worker->has_closed_sockets)
        close_sockets(worker);
    worker->has_closed_sockets = true;
    if (worker->objects.sockets.size > 0 || !od_net_is_idle(&worker->net))
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
    od_time_ms again_ms = od_versions_idle(&worker->versions);
    worker->has_more = again_ms == 0;
    if (again_ms > 0)
        od_loop_set_timer(&worker->loop, &worker->rest_timer, again_ms);
}

static void worker_turn(struct od_worker *worker)
{
    od_loop_poll(&worker->loop, !worker->has_more); // Sockets and links: bytes become events.
    worker->has_more = worker->is_restored &&       // Lua runs here, and only here.
                       od_objects_deliver(&worker->objects);
    od_pressure_relieve(&worker->objects);
    if (worker->is_draining)
        drain(worker);
    od_versions_turn(&worker->versions);
    submit_batches(worker);   // What Lua wrote goes to main, as one message.
    release_outboxes(worker); // What may leave, leaves; frames of one socket in one write.
    if (!worker->has_more)
        rest(worker);
}

// --- Beginning and end ---------------------------------------------------------------------------

static void init_objects(struct od_worker *worker, uint32_t index)
{
    struct od_objects *objects = &worker->objects;
    objects->net = &worker->net;
    objects->store = worker->store;
    objects->timers = &worker->loop.timers;
    objects->main = &worker->main;
    objects->page = worker->page;
    objects->worker = index;
    objects->worker_count = worker->options->workers;
    objects->peers = od_allocate_zeroed(objects->worker_count * sizeof *objects->peers);
    objects->idle_ms = worker->options->idle_ms;
    objects->logs_visits = worker->options->log_requests;
    od_objects_init(objects);
}

static void say_failed(struct od_worker *worker, const char *why)
{
    struct od_bytes body = {0};
    od_bytes_put_string(&body, od_slice_of(why));
    od_link_send(&worker->main, OD_KIND_LOAD_FAILED, od_bytes_slice(&body), -1);
    od_link_flush(&worker->main);
    od_bytes_deinit(&body);
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
    for (uint32_t i = 0; i < worker->objects.worker_count; i++) {
        if (worker->objects.peers[i] != NULL)
            od_link_close(worker->objects.peers[i]);
        worker->objects.peers[i] = NULL;
    }
    od_link_close(&worker->main);
    while (worker->link_count > 0)
        od_loop_poll(&worker->loop, true);
}

static bool open_and_serve(struct od_worker *worker, od_script_new *new_script, uint32_t index,
                           struct od_error *err)
{
    bool is_open = od_store_open(&worker->store, worker->options->data_dir, err) &&
                   od_net_init(&worker->net, &worker->loop, &net_events, worker, err);
    if (!is_open) {
        say_failed(worker, err->text);
        close_links(worker);
        od_store_close(worker->store);
        return false;
    }
    init_objects(worker, index);
    od_pulses_set_ping_ms(&worker->net.pulses, worker->options->ping_ms);
    od_versions_init(&worker->versions, &worker->objects, worker->options, new_script);
    while (!worker->is_over)
        worker_turn(worker);
    od_versions_deinit(&worker->versions);
    od_objects_deinit(&worker->objects);
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
    struct od_worker worker = {.options = options,
                               .link_count = 1,
                               .rest_timer = {.fire = wake_up},
                               .page = od_page_open(page_fd),
                               .drain_timer = {.fire = look_again}};
    struct od_error err;
    if (worker.page == NULL || !od_loop_init(&worker.loop, &err)) {
        od_log(OD_LOG_ERROR, NULL, "worker %u cannot start: %s", index, err.text);
        return OD_EXIT_WRONG;
    }
    od_link_init(&worker.main, &worker.loop.uv, link_fd, &main_events, &worker);
    if (!open_and_serve(&worker, new_script, index, &err))
        worker.exit_code = OD_EXIT_WRONG;
    free(worker.objects.peers);
    od_loop_deinit(&worker.loop);
    od_page_free(worker.page);
    return worker.exit_code;
}
