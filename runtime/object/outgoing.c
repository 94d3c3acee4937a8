#include "object/outgoing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "link/request.h"
#include "link/response.h"
#include "net/dial.h"
#include "object/call.h"
#include "object/client_end.h"
#include "object/objects.h"
#include "object/sink.h"
#include "object/stream.h"

struct od_outgoing {
    struct od_list waiting; // In the queue of its object, until it runs.
    struct od_call *call;
    struct od_object *object;
    struct od_timer deadline;
    struct od_outgoing_way way;
    uint64_t stream; // Of the body of its answer; 0: it comes whole.
    bool runs;
    bool goes_on; // The head of the answer is there, and the stream has the rest.
    size_t size;
    char request[];
};

void od_outgoing_queue_init(struct od_outgoing_queue *queue)
{
    od_list_init(&queue->waiting);
    od_list_init(&queue->turn);
}

void od_outgoing_put(struct od_bytes *bytes, const struct od_outgoing_way *way, od_slice request)
{
    od_bytes_put_u8(bytes, (uint8_t)way->redirect);
    od_bytes_put_u8(bytes, way->upgrades);
    od_bytes_put_u8(bytes, way->streams);
    od_bytes_put_u32(bytes, way->timeout_ms);
    od_bytes_put_slice(bytes, request);
}

// --- Whose turn it is ----------------------------------------------------------------------------

static bool may_begin(const struct od_outgoing_queue *queue)
{
    return !od_list_is_empty(&queue->waiting) && queue->running_count < OD_OUTGOING_RUNNING_MAX;
}

static void line_up(struct od_object *object)
{
    struct od_outgoing_queue *queue = &object->work->outgoing;
    if (may_begin(queue) && od_list_is_empty(&queue->turn))
        od_list_push_back(&object->objects->outgoing.objects, &queue->turn);
}

// That the body of the request comes through; 0: it is here.
static uint64_t sink_of(struct od_objects *objects, uint64_t fetch, od_slice message)
{
    struct od_request request;
    bool is_request = od_request_read(message, &request);
    OD_ASSERT(is_request);
    return request.stream == 0 ? 0
                               : od_sink_of_fetch(objects, request.worker, request.stream, fetch);
}

static void dial(struct od_objects *objects, uint64_t number, od_slice message)
{
    struct od_request request;
    struct od_header header;
    struct od_bytes headers = {0};
    uint32_t count = 0;
    struct od_dial_way way = {0};
    bool is_request = od_request_read(message, &request);
    OD_ASSERT(is_request);
    (void)od_headers_find(request.headers, OD_SLICE("sec-websocket-protocol"), &way.protocols);
    od_bytes_put_u32(&headers, 0);
    for (struct od_headers rest = request.headers; od_headers_next(&rest, &header); count++)
        od_headers_put(&headers, header.name, header.value); // The handshake passes over its own.
    od_bytes_set_u32(&headers, 0, count);
    way.url = request.url;
    way.headers = od_bytes_slice(&headers);
    od_dial_start(objects->net, number, &way);
    od_bytes_deinit(&headers);
}

static void begin(struct od_object *object)
{
    OD_ASSERT(object->work->outgoing.waiting_count > 0);
    OD_ASSERT(object->work->outgoing.running_count < OD_OUTGOING_RUNNING_MAX);
    struct od_objects *objects = object->objects;
    struct od_outgoing *outgoing = OD_LIST_MEMBER(
        od_list_pop_front(&object->work->outgoing.waiting), struct od_outgoing, waiting);
    object->work->outgoing.waiting_count--;
    object->work->outgoing.running_count++;
    objects->outgoing.running_count++;
    outgoing->runs = true;
    outgoing->stream = outgoing->way.streams ? ++objects->next_number : 0;
    od_slice message = {outgoing->request, outgoing->size};
    if (outgoing->way.upgrades) {
        dial(objects, outgoing->call->id, message);
        return;
    }
    uint64_t sink = sink_of(objects, outgoing->call->id, message);
    od_fetch_start(objects->net, outgoing->call->id, message,
                   (struct od_fetch_way){.redirect = outgoing->way.redirect,
                                         .worker = objects->worker,
                                         .stream = outgoing->stream,
                                         .reader = sink});
    od_sink_open(objects, sink);
}

static void begin_all(struct od_objects *objects)
{
    struct od_outgoing_turns *turns = &objects->outgoing;
    while (turns->running_count < OD_OUTGOING_WORKER_MAX && !od_list_is_empty(&turns->objects)) {
        struct od_object *object =
            OD_LIST_MEMBER(od_list_pop_front(&turns->objects), struct od_work, outgoing.turn)
                ->object;
        if (may_begin(&object->work->outgoing))
            begin(object);
        line_up(object);
    }
}

// --- One of them ---------------------------------------------------------------------------------

static void took_too_long(struct od_timer *timer)
{
    struct od_outgoing *outgoing = OD_TIMER_MEMBER(timer, struct od_outgoing, deadline);
    OD_ASSERT(outgoing->call->outgoing == outgoing);
    struct od_error err;
    od_error_set(&err, "fetch %s: there was no answer within %u ms (the option timeout)%s",
                 od_call_whom(outgoing->call), outgoing->way.timeout_ms,
                 outgoing->runs ? "" : "; it was still waiting for others of its object");
    od_call_fail(outgoing->call, 504, od_slice_of(err.text));
}

static struct od_outgoing *outgoing_new(struct od_call *call, struct od_object *object,
                                        od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct od_outgoing_way way = {.redirect = (enum od_fetch_redirect)od_cursor_u8(&cursor)};
    way.upgrades = od_cursor_u8(&cursor) != 0;
    way.streams = od_cursor_u8(&cursor) != 0;
    way.timeout_ms = od_cursor_u32(&cursor);
    od_slice request = od_cursor_rest(&cursor);
    OD_ASSERT(!cursor.failed); // It was written by od_outgoing_put.
    struct od_outgoing *outgoing = od_allocate_zeroed(sizeof *outgoing + request.size);
    od_list_init(&outgoing->waiting);
    outgoing->call = call;
    outgoing->object = object;
    outgoing->way = way;
    outgoing->deadline.fire = took_too_long;
    outgoing->size = request.size;
    memcpy(outgoing->request, request.at, request.size);
    od_list_push_back(&object->work->outgoing.waiting, &outgoing->waiting);
    object->work->outgoing.waiting_count++;
    od_timers_set(object->objects->timers, &outgoing->deadline,
                  od_clock_monotonic_ms() + way.timeout_ms);
    return outgoing;
}

void od_outgoing_send(struct od_call *call, od_slice body)
{
    OD_ASSERT(call->outgoing == NULL);
    const struct od_task *task = od_task_find(call->objects, call->origin);
    OD_ASSERT(task != NULL); // It would have given up its call.
    struct od_object *object = task->object;
    if (object->work->outgoing.waiting_count >= OD_OUTGOING_WAITING_MAX) {
        struct od_error err;
        od_error_set(&err, "fetch %s: %u requests of this object wait already", od_call_whom(call),
                     OD_OUTGOING_WAITING_MAX);
        od_call_fail(call, 503, od_slice_of(err.text));
        return;
    }
    call->outgoing = outgoing_new(call, object, body);
    line_up(object);
    begin_all(call->objects);
}

void od_outgoing_end(struct od_objects *objects, uint64_t number, bool ok, od_slice bytes)
{
    struct od_call *call = od_call_find(objects, number);
    if (call == NULL)
        return;
    OD_ASSERT(call->outgoing != NULL);
    OD_ASSERT(call->outgoing->runs);
    if (!ok) {
        od_call_fail(call, 502, bytes);
        return;
    }
    if (call->outgoing->stream != 0) {
        call->outgoing->goes_on = true;
        od_stream_new_of_fetch(objects, call->outgoing->stream, number);
    }
    od_call_answer(call, bytes);
}

static void put_switched(struct od_bytes *response, uint32_t worker, uint64_t number,
                         od_slice protocol)
{
    size_t mark = od_response_begin_with(response, 101, OD_RESPONSE_SOCKET, worker, number);
    if (protocol.size > 0)
        od_headers_put(response, OD_SLICE("sec-websocket-protocol"), protocol);
    od_response_end(response, mark, protocol.size > 0, (od_slice){0});
}

void od_outgoing_dialled(struct od_objects *objects, uint64_t number, int fd, od_slice bytes)
{
    struct od_call *call = od_call_find(objects, number);
    OD_ASSERT(call != NULL); // It would have cancelled.
    struct od_task *task = od_task_find(objects, call->origin);
    OD_ASSERT(task != NULL);
    struct od_error err;
    struct od_bytes response = {0};
    if (fd < 0) {
        od_error_set(&err, "fetch %s: %.*s", od_call_whom(call), (int)bytes.size, bytes.at);
        od_call_fail(call, 502, od_slice_of(err.text));
        return;
    }
    od_slice protocol = od_client_end_dialled(task, number, bytes, fd);
    put_switched(&response, objects->worker, number, protocol);
    od_call_answer(call, od_bytes_slice(&response));
    od_bytes_deinit(&response);
}

void od_outgoing_free(struct od_outgoing *outgoing)
{
    if (outgoing == NULL)
        return;
    struct od_object *object = outgoing->object;
    struct od_objects *objects = object->objects;
    od_timers_clear(objects->timers, &outgoing->deadline);
    if (outgoing->runs) {
        OD_ASSERT(object->work->outgoing.running_count > 0);
        OD_ASSERT(objects->outgoing.running_count > 0);
        if (outgoing->way.upgrades)
            od_dial_cancel(objects->net, outgoing->call->id);
        else if (!outgoing->goes_on)
            od_fetch_cancel(objects->net, outgoing->call->id);
        object->work->outgoing.running_count--;
        objects->outgoing.running_count--;
    } else {
        OD_ASSERT(object->work->outgoing.waiting_count > 0);
        od_list_remove(&outgoing->waiting);
        object->work->outgoing.waiting_count--;
    }
    free(outgoing);
    line_up(object);
    begin_all(objects);
}
