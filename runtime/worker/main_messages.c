#include "worker/main_messages.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/newcomer.h"
#include "link/worker_page.h"
#include "net/exchange.h"
#include "object/alarm_event.h"
#include "object/call.h"
#include "object/loading.h"
#include "object/nodes/removal.h"
#include "object/nodes/slots.h"
#include "object/operator/inspection.h"
#include "object/operator/report.h"
#include "object/refusal.h"
#include "object/restore.h"
#include "object/wish.h"
#include "store/store.h"
#include "worker/parting.h"
#include "worker/peers.h"

void od_main_messages_say_failed(struct od_worker *worker, const char *why)
{
    struct od_bytes body = {0};
    od_bytes_put_string(&body, od_slice_of(why));
    od_link_send(&worker->main, OD_KIND_LOAD_FAILED, od_bytes_slice(&body), -1);
    od_link_flush(&worker->main);
    od_bytes_deinit(&body);
}

void od_main_messages_connection_left(struct od_worker *worker, uint32_t place)
{
    OD_ASSERT(place != OD_PAGE_NO_PLACE);
    size_t mark = od_link_begin(&worker->main, OD_KIND_CONNECTION_LEFT, -1);
    od_bytes_put_u32(&worker->main.out, place);
    od_link_end(&worker->main, mark);
}

static void receive_connection(struct od_worker *worker, od_slice body, int fd)
{
    struct od_newcomer newcomer = od_newcomer_read(body);
    struct od_error err;
    if (fd < 0)
        od_error_set(&err, "no descriptor is free; raise the limit of open files (ulimit -n)");
    else if (od_exchange_adopt(&worker->net, fd, &newcomer, &err))
        return;
    od_log(OD_LOG_ERROR, NULL, "cannot serve a connection: %s", err.text);
    if (newcomer.place != OD_PAGE_NO_PLACE)
        od_main_messages_connection_left(worker, newcomer.place);
}

static void receive_slots(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    od_store_look_anew(worker->store);
    bool is_sound = od_slots_receive(&worker->objects, body);
    OD_ASSERT(is_sound); // Main's messages are whole.
}

static void receive_object_loaded(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    OD_ASSERT(body.size == OD_ID_BYTES);
    od_loading_receive(&worker->objects, (const uint8_t *)body.at);
}

static void receive_durable(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t seq = od_cursor_u64(&cursor);
    struct od_journal_moment moment = {.sequence = od_cursor_u64(&cursor)};
    moment.time_ms = (od_time_ms)od_cursor_u64(&cursor);
    od_commit_times_durable(&worker->commit_times, seq, &worker->page->meters.commit);
    od_store_durable(worker->store, seq, &moment);
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
    OD_ASSERT(storage->owner != NULL);
    struct od_object *object = storage->owner;
    od_object_lose_writes(object, object->objects->commit_failure);
}

static void receive_commit_failed(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    uint32_t generation = od_cursor_u32(&cursor);
    uint64_t first_seq = od_cursor_u64(&cursor);
    worker->objects.commit_failure = od_cursor_string(&cursor);
    OD_ASSERT(!cursor.failed); // Main's messages are whole.
    od_log(OD_LOG_ERROR, NULL, "writes could not be stored: %.*s",
           (int)worker->objects.commit_failure.size, worker->objects.commit_failure.at);
    od_store_failed(worker->store, generation, first_seq, reset_broken);
    worker->objects.commit_failure = (od_slice){NULL, 0};
}

static void receive_drain(struct od_worker *worker, od_slice body, int fd)
{
    (void)body;
    (void)fd;
    od_worker_begin_drain(worker);
}

static void receive_await_calm(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    od_parting_await_calm(worker, od_cursor_u32(&cursor));
}

static void receive_leave(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    od_parting_begin(worker, od_cursor_u32(&cursor));
}

static void receive_part(struct od_worker *worker, od_slice body, int fd)
{
    (void)body, (void)fd;
    od_parting_allow(worker);
}

static void receive_load(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    struct od_error err;
    if (od_versions_load(&worker->versions, body, &err))
        return;
    od_main_messages_say_failed(worker, err.text);
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
    OD_ASSERT(!cursor.failed);
    if (od_cursor_u8(&cursor) != 0)
        od_bytes_put_u64(&worker->settling, question);
    else
        od_main_messages_report(worker, question);
}

void od_main_messages_report(struct od_worker *worker, uint64_t question)
{
    size_t mark = od_link_begin(&worker->main, OD_KIND_STATUS_REPORT, -1);
    od_bytes_put_u64(&worker->main.out, question);
    od_report_put(&worker->main.out, &worker->objects);
    od_link_end(&worker->main, mark);
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

static void receive_recall(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    od_wish_receive(&worker->objects, body);
}

static void receive_alarm(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    od_alarm_event_receive(&worker->objects, body);
}

static void receive_refuse(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    od_refusal_receive(&worker->objects, body);
}

static void receive_question(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    od_call_receive(&worker->objects, worker->objects.worker_count, body);
}

static void receive_question_cancel(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    od_call_receive_cancel(&worker->objects, worker->objects.worker_count, body);
}

static void receive_tell_log(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    od_log_teller_set(&worker->log_teller, &worker->main, od_cursor_u8(&cursor) != 0);
}

// The turn it is taken in is what was asked for.
static void receive_turn(struct od_worker *worker, od_slice body, int fd)
{
    (void)worker, (void)body, (void)fd;
}

static void receive_restored(struct od_worker *worker, od_slice body, int fd)
{
    (void)fd;
    struct od_cursor cursor = od_cursor_of(body);
    struct od_journal_moment moment = {.sequence = od_cursor_u64(&cursor)};
    moment.time_ms = (od_time_ms)od_cursor_u64(&cursor);
    od_store_durable(worker->store, 0, &moment); // Of the life before.
    worker->is_restored = true;
    od_removal_of_strays(&worker->objects);
    od_link_send(&worker->main, OD_KIND_BACK, (od_slice){NULL, 0}, -1);
}

static void (*const from_main[OD_KIND_COUNT])(struct od_worker *, od_slice, int) = {
    [OD_KIND_CONNECTION] = receive_connection,
    [OD_KIND_PEER] = od_peers_receive,
    [OD_KIND_PEER_ENDED] = od_peers_receive_ended,
    [OD_KIND_SLOTS] = receive_slots,
    [OD_KIND_OBJECT_LOADED] = receive_object_loaded,
    [OD_KIND_DURABLE] = receive_durable,
    [OD_KIND_APPLIED] = receive_applied,
    [OD_KIND_COMMIT_FAILED] = receive_commit_failed,
    [OD_KIND_DRAIN] = receive_drain,
    [OD_KIND_AWAIT_CALM] = receive_await_calm,
    [OD_KIND_LEAVE] = receive_leave,
    [OD_KIND_PART] = receive_part,
    [OD_KIND_LOAD] = receive_load,
    [OD_KIND_SWITCH] = receive_switch,
    [OD_KIND_DISCARD] = receive_discard,
    [OD_KIND_STATUS] = receive_status,
    [OD_KIND_RESTORE_OBJECT] = receive_restore_object,
    [OD_KIND_RESTORE_SOCKET] = receive_restore_socket,
    [OD_KIND_RECALL] = receive_recall,
    [OD_KIND_ALARM] = receive_alarm,
    [OD_KIND_REFUSE] = receive_refuse,
    [OD_KIND_RESTORED] = receive_restored,
    [OD_KIND_TELL_LOG] = receive_tell_log,
    [OD_KIND_TURN] = receive_turn,
    [OD_KIND_CALL] = receive_question,
    [OD_KIND_CALL_CANCEL] = receive_question_cancel,
};

static const bool takes_fd[OD_KIND_COUNT] = {
    [OD_KIND_CONNECTION] = true, [OD_KIND_PEER] = true, [OD_KIND_RESTORE_SOCKET] = true};

static void refuse(enum od_kind kind, int fd)
{
    od_log(OD_LOG_ERROR, NULL, "main sent %s, which is not for a worker", od_kind_name(kind));
    if (fd >= 0)
        close(fd);
}

// The descriptor, if one is wanted.
static int wanted_fd(enum od_kind kind, int fd)
{
    OD_ASSERT(kind < OD_KIND_COUNT);
    if (fd < 0 || takes_fd[kind])
        return fd;
    close(fd);
    return -1;
}

static void main_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    OD_ASSERT(kind < OD_KIND_COUNT);
    if (from_main[kind] == NULL)
        refuse(kind, fd);
    else
        from_main[kind](link->owner, body, wanted_fd(kind, fd));
}

static void main_gone(struct od_link *link)
{
    struct od_worker *worker = link->owner;
    worker->is_over = true;
    worker->exit_code = worker->is_draining ? OD_EXIT_CLEAN : OD_EXIT_WRONG;
}

static void main_closed(struct od_link *link)
{
    OD_ASSERT(((struct od_worker *)link->owner)->link_count > 0);
    ((struct od_worker *)link->owner)->link_count--;
}

const struct od_link_events od_main_messages_events = {main_message, main_gone, main_closed};
