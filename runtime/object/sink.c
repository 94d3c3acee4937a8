#include "object/sink.h"

#include <stdlib.h>

#include "link/link.h"
#include "net/exchange.h"
#include "net/fetch.h"
#include "object/objects.h"
#include "object/stream.h"
#include "object/task.h"

struct od_sink *od_sink_find(const struct od_objects *objects, uint64_t id)
{
    struct od_map_node *node = od_map_find_number(&objects->sinks, id);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_sink, by_id);
}

static void check(const struct od_sink *sink)
{
    bool is_of_task = sink->exchange == 0 && sink->fetch == 0;
    OD_ASSERT(sink->exchange == 0 || sink->fetch == 0);
    OD_ASSERT(is_of_task || sink->in.size == 0);
    OD_ASSERT(is_of_task || sink->awaited_by == 0);
    OD_ASSERT(!sink->is_whole || sink->has_ended);
}

static struct od_sink *sink_new(struct od_objects *objects, uint32_t worker, uint64_t stream)
{
    struct od_sink *sink = od_allocate_zeroed(sizeof *sink);
    sink->id = ++objects->next_number;
    sink->objects = objects;
    sink->worker = worker;
    sink->stream = stream;
    od_list_init(&sink->link);
    od_map_put_number(&objects->sinks, &sink->by_id, sink->id);
    return sink;
}

void od_sink_forget(struct od_sink *sink)
{
    od_list_remove(&sink->link);
    od_map_remove(&sink->objects->sinks, &sink->by_id);
    od_bytes_deinit(&sink->in);
    free(sink);
}

// --- To the writer -------------------------------------------------------------------------------

// NULL: he is here, or his worker is gone.
static struct od_link *begin_message(struct od_objects *objects, uint32_t worker, uint64_t stream,
                                     enum od_kind kind, size_t *mark)
{
    struct od_link *peer = worker == objects->worker ? NULL : objects->peers[worker];
    if (peer == NULL)
        return NULL;
    *mark = od_link_begin(peer, kind, -1);
    od_bytes_put_u64(&peer->out, stream);
    return peer;
}

static void open_stream(struct od_sink *sink)
{
    size_t mark;
    struct od_objects *objects = sink->objects;
    sink->is_open = true;
    struct od_link *peer =
        begin_message(objects, sink->worker, sink->stream, OD_KIND_STREAM_OPEN, &mark);
    if (peer != NULL) {
        od_bytes_put_u64(&peer->out, sink->id);
        od_link_end(peer, mark);
    } else if (sink->worker == objects->worker) {
        od_stream_opened(objects, objects->worker, sink->stream, sink->id);
    } else {
        od_sink_ended(objects, sink->worker, sink->id, false);
    }
}

static void tell_taken(const struct od_sink *sink, size_t size)
{
    size_t mark;
    struct od_objects *objects = sink->objects;
    struct od_link *peer =
        begin_message(objects, sink->worker, sink->stream, OD_KIND_STREAM_TAKEN, &mark);
    if (peer == NULL) {
        od_stream_taken(objects, sink->worker, sink->stream, size);
        return;
    }
    od_bytes_put_u64(&peer->out, size);
    od_link_end(peer, mark);
}

static void tell_left(struct od_objects *objects, uint32_t worker, uint64_t stream)
{
    size_t mark;
    struct od_link *peer = begin_message(objects, worker, stream, OD_KIND_STREAM_LEFT, &mark);
    if (peer == NULL)
        od_stream_left(objects, worker, stream);
    else
        od_link_end(peer, mark);
}

void od_sink_lose(struct od_objects *objects, const struct od_response *response)
{
    tell_left(objects, response->worker, response->stream);
}

static void leave(struct od_sink *sink)
{
    struct od_objects *objects = sink->objects;
    uint32_t worker = sink->worker;
    uint64_t stream = sink->stream;
    bool has_ended = sink->has_ended;
    od_sink_forget(sink);
    if (!has_ended)
        tell_left(objects, worker, stream);
}

// --- An exchange ---------------------------------------------------------------------------------

void od_sink_feed(struct od_objects *objects, struct od_exchange *exchange, uint64_t number,
                  od_slice message, const struct od_response *response)
{
    struct od_sink *sink = sink_new(objects, response->worker, response->stream);
    uint64_t id = sink->id;
    sink->exchange = number;
    od_exchange_answer_begin(exchange, message, id);
    sink = od_sink_find(objects, id); // It may be unwanted already.
    if (sink != NULL)
        open_stream(sink);
}

void od_sink_taken(struct od_objects *objects, uint64_t id, size_t size)
{
    const struct od_sink *sink = od_sink_find(objects, id);
    if (sink != NULL)
        tell_taken(sink, size);
}

void od_sink_unwanted(struct od_objects *objects, uint64_t id)
{
    struct od_sink *sink = od_sink_find(objects, id);
    if (sink != NULL)
        leave(sink);
}

// --- A fetch -------------------------------------------------------------------------------------

uint64_t od_sink_of_fetch(struct od_objects *objects, uint32_t worker, uint64_t stream,
                          uint64_t number)
{
    struct od_sink *sink = sink_new(objects, worker, stream);
    sink->fetch = number;
    return sink->id;
}

void od_sink_open(struct od_objects *objects, uint64_t id)
{
    struct od_sink *sink = od_sink_find(objects, id);
    if (sink != NULL)
        open_stream(sink);
}

// --- A task --------------------------------------------------------------------------------------

struct od_sink *od_sink_arrive(struct od_task *task, uint32_t worker, uint64_t stream)
{
    struct od_sink *sink = sink_new(task->object->objects, worker, stream);
    od_list_push_back(&task->sinks, &sink->link);
    task->is_bound = true;
    return sink;
}

static void tell_news(struct od_sink *sink)
{
    struct od_task *task = od_task_find(sink->objects, sink->awaited_by);
    sink->awaited_by = 0;
    if (task != NULL)
        od_task_resume(task);
}

od_slice od_sink_peek(struct od_sink *sink)
{
    check(sink);
    if (!sink->is_open)
        open_stream(sink);
    return od_bytes_slice(&sink->in);
}

void od_sink_take(struct od_sink *sink, size_t size)
{
    check(sink);
    OD_ASSERT(size <= sink->in.size);
    if (size == sink->in.size)
        od_bytes_deinit(&sink->in);
    else
        od_bytes_drop_front(&sink->in, size);
    if (!sink->has_ended)
        tell_taken(sink, size);
}

bool od_sink_wait(struct od_sink *sink, struct od_task *task)
{
    if (sink->in.size > 0 || sink->has_ended)
        return false;
    OD_ASSERT(sink->awaited_by == 0 || sink->awaited_by == task->id);
    sink->awaited_by = task->id;
    return true;
}

void od_sinks_lose(struct od_task *task)
{
    struct od_list *link;
    while ((link = od_list_pop_front(&task->sinks)) != NULL)
        leave(OD_LIST_MEMBER(link, struct od_sink, link));
}

// --- From the writer -----------------------------------------------------------------------------

static struct od_sink *find_of(const struct od_objects *objects, uint32_t worker, uint64_t id)
{
    struct od_sink *sink = od_sink_find(objects, id);
    return sink != NULL && sink->worker == worker && sink->is_open ? sink : NULL;
}

void od_sink_piece(struct od_objects *objects, uint32_t worker, uint64_t id, od_slice piece)
{
    struct od_sink *sink = find_of(objects, worker, id);
    if (sink == NULL)
        return;
    check(sink);
    struct od_exchange *exchange = od_net_exchange(objects->net, sink->exchange);
    if (sink->fetch != 0) {
        od_fetch_put_piece(objects->net, sink->fetch, piece);
    } else if (sink->exchange == 0) {
        od_bytes_put_slice(&sink->in, piece);
        tell_news(sink);
    } else if (exchange != NULL) {
        od_exchange_answer_piece(exchange, piece);
    }
}

void od_sink_ended(struct od_objects *objects, uint32_t worker, uint64_t id, bool is_whole)
{
    struct od_sink *sink = find_of(objects, worker, id);
    if (sink == NULL)
        return;
    sink->has_ended = true;
    sink->is_whole = is_whole;
    if (sink->exchange == 0 && sink->fetch == 0) {
        tell_news(sink);
        return;
    }
    struct od_exchange *exchange = od_net_exchange(objects->net, sink->exchange);
    uint64_t fetch = sink->fetch;
    od_sink_forget(sink);
    if (fetch != 0)
        od_fetch_put_end(objects->net, fetch, is_whole);
    else if (exchange != NULL)
        od_exchange_answer_end(exchange, is_whole);
}

void od_sinks_peer_gone(struct od_objects *objects, uint32_t worker)
{
    struct od_map_node *node, *next;
    for (node = od_map_next(&objects->sinks, NULL); node != NULL; node = next) {
        next = od_map_next(&objects->sinks, node);
        const struct od_sink *sink = OD_MAP_MEMBER(node, struct od_sink, by_id);
        if (sink->worker == worker && sink->is_open)
            od_sink_ended(objects, worker, sink->id, false);
    }
}

bool od_sinks_feed(const struct od_objects *objects)
{
    struct od_map_node *node = NULL;
    while ((node = od_map_next(&objects->sinks, node)) != NULL) {
        const struct od_sink *sink = OD_MAP_MEMBER(node, struct od_sink, by_id);
        if ((sink->exchange != 0 || sink->fetch != 0) && !sink->has_ended)
            return true;
    }
    return false;
}
