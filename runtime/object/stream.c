#include "object/stream.h"

#include <stdlib.h>

#include "base/log.h"
#include "link/link.h"
#include "net/exchange.h"
#include "net/fetch.h"
#include "object/limits.h"
#include "object/objects.h"
#include "object/outbox.h"
#include "object/section.h"
#include "object/sink.h"
#include "object/task.h"

struct od_stream *od_stream_find(const struct od_objects *objects, uint64_t id)
{
    struct od_map_node *node = od_map_find_number(&objects->streams, id);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_stream, by_id);
}

static bool is_from_net(const struct od_stream *stream)
{
    return stream->fetch != 0 || stream->exchange != 0;
}

static void check(const struct od_stream *stream)
{
    OD_ASSERT(stream->task == NULL || stream->task->stream == stream->id);
    OD_ASSERT(stream->task == NULL || !is_from_net(stream));
    OD_ASSERT(!stream->is_over || stream->has_ended);
    OD_ASSERT(stream->early.size == 0 || stream->reader == 0);
    OD_ASSERT(is_from_net(stream) || stream->going_bytes <= OD_STREAM_WINDOW_BYTES);
}

static void set_timer(struct od_stream *stream, od_time_ms ms)
{
    od_timers_set(stream->objects->timers, &stream->timer, od_clock_monotonic_ms() + ms);
}

static void stream_free(struct od_stream *stream)
{
    OD_ASSERT(od_list_is_empty(&stream->waiting));
    if (stream->task != NULL)
        stream->task->stream = 0;
    od_timers_clear(stream->objects->timers, &stream->timer);
    od_map_remove(&stream->objects->streams, &stream->by_id);
    od_bytes_deinit(&stream->early);
    free(stream);
}

static void resume_waiting(struct od_stream *stream)
{
    struct od_list *link;
    while ((link = od_list_pop_front(&stream->waiting)) != NULL)
        od_task_resume(OD_LIST_MEMBER(link, struct od_task, streaming));
}

// Nobody reads, and the body function goes on all the same. What a section protects is not to be
// left half done.
static void give_up(struct od_stream *stream)
{
    struct od_task *task = stream->task;
    OD_ASSERT(task != NULL);
    struct od_object *object = task->object;
    if (od_section_is_inside(task)) {
        set_timer(stream, OD_SECTION_MS_MAX);
        return;
    }
    od_log(OD_LOG_WARN, object->label,
           "the function of a response has gone on for %d ms after its client had left, and is "
           "given up; stream:write and request:onAbort tell it",
           OD_STREAM_LEFT_MS_MAX);
    od_task_free(task);
    od_object_settle(object);
}

static void on_timer(struct od_timer *timer)
{
    struct od_stream *stream = OD_TIMER_MEMBER(timer, struct od_stream, timer);
    if (!stream->is_left)
        od_stream_left(stream->objects, stream->objects->worker, stream->id);
    else
        give_up(stream);
}

static struct od_stream *stream_new(struct od_objects *objects, uint64_t id)
{
    struct od_stream *stream = od_allocate_zeroed(sizeof *stream);
    stream->id = id;
    stream->objects = objects;
    stream->timer.fire = on_timer;
    od_list_init(&stream->waiting);
    od_map_put_number(&objects->streams, &stream->by_id, id);
    set_timer(stream, OD_STREAM_OPEN_MS_MAX);
    return stream;
}

struct od_stream *od_stream_new(struct od_task *task)
{
    OD_ASSERT(task->stream == 0);
    struct od_objects *objects = task->object->objects;
    struct od_stream *stream = stream_new(objects, ++objects->next_number);
    stream->object = task->object;
    stream->task = task;
    task->stream = stream->id;
    task->is_bound = true;
    return stream;
}

// While its task has it in hand, the task's sink knows it; nobody need open it soon.
struct od_stream *od_stream_new_of_fetch(struct od_objects *objects, uint64_t id, uint64_t fetch)
{
    struct od_stream *stream = stream_new(objects, id);
    stream->fetch = fetch;
    od_timers_clear(objects->timers, &stream->timer);
    return stream;
}

// Its exchange ends it, read or not.
struct od_stream *od_stream_new_of_exchange(struct od_objects *objects, uint64_t exchange)
{
    struct od_stream *stream = stream_new(objects, ++objects->next_number);
    stream->exchange = exchange;
    od_timers_clear(objects->timers, &stream->timer);
    return stream;
}

// --- Writing -------------------------------------------------------------------------------------

size_t od_stream_room(const struct od_stream *stream, const struct od_task *task)
{
    if ((stream->holder != 0 && stream->holder != task->id) ||
        stream->going_bytes >= OD_STREAM_WINDOW_BYTES)
        return 0;
    return OD_STREAM_WINDOW_BYTES - stream->going_bytes;
}

void od_stream_put(struct od_stream *stream, const struct od_task *task, od_slice piece,
                   size_t rest)
{
    check(stream);
    OD_ASSERT(!stream->has_ended);
    OD_ASSERT(piece.size <= od_stream_room(stream, task));
    OD_ASSERT(!stream->is_counted || piece.size <= stream->left_bytes);
    bool is_last = stream->holder != 0 && rest == 0;
    stream->holder = rest > 0 ? task->id : 0;
    stream->going_bytes += piece.size;
    stream->left_bytes -= stream->is_counted ? piece.size : 0;
    od_outbox_put(
        stream->object,
        (struct od_effect){.kind = OD_EFFECT_PIECE, .number = stream->id, .bytes = piece});
    if (is_last)
        resume_waiting(stream);
}

bool od_stream_wait(struct od_stream *stream, struct od_task *task)
{
    if (stream->is_left || od_stream_room(stream, task) > 0)
        return false;
    od_list_push_back(&stream->waiting, &task->streaming);
    return true;
}

void od_stream_forget_waiting(struct od_task *task)
{
    od_list_remove(&task->streaming);
}

void od_stream_end(struct od_stream *stream)
{
    check(stream);
    OD_ASSERT(stream->task != NULL);
    stream->task->stream = 0;
    stream->task = NULL;
    stream->has_ended = true;
    resume_waiting(stream);
    od_outbox_put(stream->object,
                  (struct od_effect){.kind = OD_EFFECT_PIECES_END, .number = stream->id});
}

// --- To the reader -------------------------------------------------------------------------------

// NULL: he is here, or his worker is gone.
static struct od_link *begin_message(const struct od_stream *stream, enum od_kind kind,
                                     size_t *mark)
{
    struct od_link *peer = stream->reader_worker == stream->objects->worker
                               ? NULL
                               : stream->objects->peers[stream->reader_worker];
    if (peer == NULL)
        return NULL;
    *mark = od_link_begin(peer, kind, -1);
    od_bytes_put_u64(&peer->out, stream->reader);
    return peer;
}

static void tell_piece(const struct od_stream *stream, od_slice piece)
{
    size_t mark;
    struct od_link *peer = begin_message(stream, OD_KIND_STREAM_PIECE, &mark);
    if (peer == NULL) {
        od_sink_piece(stream->objects, stream->reader_worker, stream->reader, piece);
        return;
    }
    od_bytes_put_slice(&peer->out, piece);
    od_link_end(peer, mark);
}

static void tell_end(struct od_stream *stream, bool is_whole)
{
    size_t mark;
    struct od_objects *objects = stream->objects;
    uint32_t worker = stream->reader_worker;
    uint64_t reader = stream->reader;
    struct od_link *peer = begin_message(stream, OD_KIND_STREAM_END, &mark);
    stream_free(stream);
    if (peer == NULL) {
        od_sink_ended(objects, worker, reader, is_whole);
        return;
    }
    od_bytes_put_u8(&peer->out, is_whole);
    od_link_end(peer, mark);
}

void od_stream_send(struct od_stream *stream, od_slice piece)
{
    if (stream->is_left)
        return;
    if (is_from_net(stream)) // Those of tasks are counted.
        stream->going_bytes += piece.size;
    if (stream->reader == 0)
        od_bytes_put_slice(&stream->early, piece);
    else
        tell_piece(stream, piece);
}

static void be_over(struct od_stream *stream, bool is_whole)
{
    stream->object = NULL; // It may go now.
    stream->task = NULL;
    stream->has_ended = stream->is_over = true;
    stream->is_whole = is_whole;
    if (stream->is_left)
        stream_free(stream);
    else if (stream->reader != 0)
        tell_end(stream, is_whole);
    else
        set_timer(stream, OD_STREAM_OPEN_MS_MAX);
}

void od_stream_send_end(struct od_stream *stream)
{
    be_over(stream, true);
}

void od_stream_break(struct od_stream *stream)
{
    if (stream->task != NULL)
        stream->task->stream = 0;
    resume_waiting(stream);
    if (!stream->is_over)
        be_over(stream, false);
}

// --- From the reader -----------------------------------------------------------------------------

static struct od_stream *find_of(const struct od_objects *objects, uint32_t worker, uint64_t id)
{
    struct od_stream *stream = od_stream_find(objects, id);
    bool is_his = stream != NULL && (stream->reader == 0 || stream->reader_worker == worker);
    return is_his ? stream : NULL;
}

static void tell_not_there(struct od_objects *objects, uint32_t worker, uint64_t reader)
{
    struct od_stream gone = {.objects = objects, .reader_worker = worker, .reader = reader};
    size_t mark;
    struct od_link *peer = begin_message(&gone, OD_KIND_STREAM_END, &mark);
    if (peer == NULL) {
        od_sink_ended(objects, worker, reader, false);
        return;
    }
    od_bytes_put_u8(&peer->out, false);
    od_link_end(peer, mark);
}

void od_stream_opened(struct od_objects *objects, uint32_t worker, uint64_t id, uint64_t reader)
{
    struct od_stream *stream = od_stream_find(objects, id);
    if (stream == NULL || stream->reader != 0 || stream->is_left) {
        tell_not_there(objects, worker, reader);
        return;
    }
    stream->reader = reader;
    stream->reader_worker = worker;
    od_timers_clear(objects->timers, &stream->timer);
    struct od_bytes early = stream->early;
    od_bytes_init(&stream->early);
    if (early.size > 0)
        tell_piece(stream, od_bytes_slice(&early));
    od_bytes_deinit(&early);
    stream = od_stream_find(objects, id); // The reader may have left.
    if (stream != NULL && stream->is_over)
        tell_end(stream, stream->is_whole);
}

static void tell_net_taken(const struct od_stream *stream, size_t size)
{
    struct od_net *net = stream->objects->net;
    struct od_exchange *exchange = od_net_exchange(net, stream->exchange);
    if (stream->fetch != 0)
        od_fetch_taken(net, stream->fetch, size);
    else if (exchange != NULL)
        od_exchange_body_taken(exchange, size);
}

static void tell_net_unwanted(const struct od_stream *stream)
{
    struct od_net *net = stream->objects->net;
    struct od_exchange *exchange = od_net_exchange(net, stream->exchange);
    if (stream->fetch != 0)
        od_fetch_cancel(net, stream->fetch);
    else if (exchange != NULL)
        od_exchange_body_unwanted(exchange);
}

void od_stream_taken(struct od_objects *objects, uint32_t worker, uint64_t id, size_t size)
{
    struct od_stream *stream = find_of(objects, worker, id);
    if (stream == NULL || size > stream->going_bytes)
        return;
    stream->going_bytes -= size;
    if (is_from_net(stream))
        tell_net_taken(stream, size);
    if (stream->going_bytes < OD_STREAM_WINDOW_BYTES)
        resume_waiting(stream);
}

void od_stream_left(struct od_objects *objects, uint32_t worker, uint64_t id)
{
    struct od_stream *stream = find_of(objects, worker, id);
    if (stream == NULL || stream->is_left)
        return;
    stream->is_left = true;
    od_bytes_deinit(&stream->early);
    if (is_from_net(stream) && !stream->is_over)
        tell_net_unwanted(stream);
    if (stream->is_over || is_from_net(stream)) {
        stream_free(stream);
        return;
    }
    resume_waiting(stream);
    if (stream->task == NULL)
        return;
    set_timer(stream, OD_STREAM_LEFT_MS_MAX);
    od_task_asker_left(stream->task);
}

void od_streams_peer_gone(struct od_objects *objects, uint32_t worker)
{
    struct od_map_node *node = NULL, *next;
    for (node = od_map_next(&objects->streams, NULL); node != NULL; node = next) {
        next = od_map_next(&objects->streams, node);
        const struct od_stream *stream = OD_MAP_MEMBER(node, struct od_stream, by_id);
        if (stream->reader != 0 && stream->reader_worker == worker)
            od_stream_left(objects, worker, stream->id);
    }
    od_sinks_peer_gone(objects, worker);
}

bool od_streams_feed(const struct od_objects *objects)
{
    struct od_map_node *node = NULL;
    while ((node = od_map_next(&objects->streams, node)) != NULL) {
        const struct od_stream *stream = OD_MAP_MEMBER(node, struct od_stream, by_id);
        if (is_from_net(stream) && stream->reader != 0 && !stream->is_over)
            return true;
    }
    return false;
}

void od_streams_end(struct od_objects *objects)
{
    struct od_map_node *node;
    while ((node = od_map_next(&objects->streams, NULL)) != NULL)
        stream_free(OD_MAP_MEMBER(node, struct od_stream, by_id));
    while ((node = od_map_next(&objects->sinks, NULL)) != NULL)
        od_sink_forget(OD_MAP_MEMBER(node, struct od_sink, by_id));
}
