// What a WebSocket reads: frames become events, and what cannot be dealt with at once is held.
//
// A peer's bytes are decoded as far as his object keeps up, and as far as it costs little: a
// compressed message of a few bytes may be one of many MiB. Such ones line up, and each turn
// serves a few of the line (od_net_read_on). Meanwhile the rest of what was read is held and the
// wire not read, so TCP slows the peer down and nobody else.

#include <stdlib.h>

#include "net/utf8.h"
#include "net/websocket_state.h"

// Receiving. What follows the peer's Close is not told, nor is anything once the connection is
// over.

static void fail(struct od_websocket *websocket, uint16_t code, od_slice why)
{
    struct od_net *net = websocket->net;
    if (!websocket->has_closed)
        od_websocket_put_close(websocket, code, why);
    od_websocket_let_go(websocket);
    net->events->failed(net->owner, websocket->number, why);
}

static void tell_message(const struct od_websocket *websocket, od_slice payload, bool is_binary)
{
    struct od_net *net = websocket->net;
    net->events->message(net->owner, websocket->number, payload, is_binary);
}

static void tell_inflated(struct od_websocket *websocket, enum od_inflate_outcome outcome,
                          od_slice text, bool is_text)
{
    if (outcome == OD_INFLATE_TOO_BIG)
        fail(websocket, OD_FRAME_CODE_TOO_BIG, OD_SLICE("Message is too large"));
    else if (outcome == OD_INFLATE_CORRUPT)
        fail(websocket, OD_FRAME_CODE_NOT_UTF8, OD_SLICE("Compressed data is corrupt"));
    else if (is_text && !od_utf8_is_valid(text))
        fail(websocket, OD_FRAME_CODE_NOT_UTF8, OD_SLICE("Text is not valid UTF-8"));
    else
        tell_message(websocket, text, !is_text);
}

static struct od_held *held_of(struct od_websocket *websocket)
{
    if (websocket->held == NULL)
        websocket->held = od_allocate_zeroed(sizeof *websocket->held);
    return websocket->held;
}

static void hold_message(struct od_websocket *websocket, const struct od_frame_message *message)
{
    struct od_held *held = held_of(websocket);
    od_bytes_put_slice(&held->message, message->payload);
    held->has_message = true;
    held->is_text = message->is_text;
}

// How large it is nobody knows before it is inflated. So it is, as far as it may be at once; one
// that turns out larger lines up and is begun anew.
static void on_compressed(struct od_websocket *websocket, const struct od_frame_message *message)
{
    struct od_bytes text = {0};
    struct od_net *net = websocket->net;
    size_t bytes_max = websocket->inflatable_bytes;
    enum od_inflate_outcome outcome =
        od_inflate_message(net->deflate, message->payload, bytes_max, &text);
    websocket->inflatable_bytes -= outcome == OD_INFLATE_DONE ? text.size : bytes_max;
    if (outcome == OD_INFLATE_TOO_BIG && bytes_max < net->limits.message_bytes_max)
        hold_message(websocket, message);
    else
        tell_inflated(websocket, outcome, od_bytes_slice(&text), message->is_text);
    od_bytes_deinit(&text);
}

static void on_message(struct od_websocket *websocket, const struct od_frame_message *message)
{
    if (message->is_compressed)
        on_compressed(websocket, message);
    else
        tell_message(websocket, message->payload, !message->is_text);
}

// A peer that sends pings and reads nothing gets no more pongs than its queue may hold.
static void on_ping(struct od_websocket *websocket, const struct od_frame_message *message)
{
    if (od_websocket_can_send(websocket) && od_websocket_has_room(websocket))
        od_websocket_put(websocket, OD_FRAME_PONG, false, message->payload);
}

static void on_pong(struct od_websocket *websocket, const struct od_frame_message *message)
{
    (void)websocket, (void)message;
}

static void on_close(struct od_websocket *websocket, const struct od_frame_message *message)
{
    websocket->peer_has_closed = true;
    od_websocket_touch(websocket);
    websocket->peer_code = message->code;
    if (websocket->has_closed)
        od_websocket_let_go(websocket);
    od_websocket_tell_closed(websocket, message->code, message->payload, true);
}

static void on_error(struct od_websocket *websocket, const struct od_frame_message *message)
{
    fail(websocket, message->code, message->payload);
}

void od_websocket_drop_held(struct od_websocket *websocket)
{
    if (websocket->held == NULL)
        return;
    od_bytes_deinit(&websocket->held->input);
    od_bytes_deinit(&websocket->held->message);
    free(websocket->held);
    websocket->held = NULL;
}

typedef void event_handler(struct od_websocket *websocket, const struct od_frame_message *message);

// Whether [left] bytes that were read are not to be decoded now.
static bool is_stopped(const struct od_websocket *websocket, size_t left)
{
    bool awaits_line = websocket->held != NULL && websocket->held->has_message;
    return websocket->is_over || awaits_line || (websocket->is_paused && left > 0);
}

// Returns how much of [size] is done with.
static size_t decode(struct od_websocket *websocket, char *at, size_t size)
{
    static event_handler *const handlers[] = {
        [OD_FRAME_EVENT_MESSAGE] = on_message, [OD_FRAME_EVENT_PING] = on_ping,
        [OD_FRAME_EVENT_PONG] = on_pong,       [OD_FRAME_EVENT_CLOSE] = on_close,
        [OD_FRAME_EVENT_ERROR] = on_error,
    };
    struct od_frame_message message;
    size_t limit = websocket->net->limits.message_bytes_max;
    size_t taken = 0, consumed;
    websocket->inflatable_bytes =
        limit < OD_NET_INFLATE_AT_ONCE_BYTES ? limit : OD_NET_INFLATE_AT_ONCE_BYTES;
    while (!is_stopped(websocket, size - taken)) {
        enum od_frame_event event =
            od_frame_decode(&websocket->decoder, at + taken, size - taken, &consumed, &message);
        if (event == OD_FRAME_EVENT_MORE)
            return size;
        taken += consumed;
        handlers[event](websocket, &message);
    }
    return taken;
}

// Nothing is read while something is held: it would have to be kept, too.
static void fit_reading(struct od_websocket *websocket)
{
    struct od_held *held = websocket->held;
    if (held != NULL && (websocket->is_over || (!held->has_message && held->input.size == 0)))
        od_websocket_drop_held(websocket);
    if (websocket->wire == NULL)
        return;
    bool is_held = websocket->held != NULL;
    (is_held || websocket->is_paused ? od_wire_pause : od_wire_resume)(websocket->wire);
    if (is_held && !websocket->is_paused && od_list_is_empty(&websocket->line))
        od_list_push_back(&websocket->net->line, &websocket->line);
}

static void end_reading(struct od_websocket *websocket)
{
    websocket->is_reading = false;
    if (websocket->is_freed)
        od_websocket_destroy(websocket);
    else if (websocket->held != NULL || websocket->is_over)
        fit_reading(websocket);
}

void od_websocket_read(void *owner, char *at, size_t size)
{
    struct od_websocket *websocket = owner;
    websocket->is_reading = true;
    od_pulse_beat(&websocket->net->pulses, &websocket->pulse);
    size_t taken = websocket->held == NULL ? decode(websocket, at, size) : 0;
    if (taken < size && !websocket->is_over)
        od_bytes_put(&held_of(websocket)->input, at + taken, size - taken);
    end_reading(websocket);
}

// The line.

static void inflate_held(struct od_websocket *websocket)
{
    struct od_held *held = websocket->held;
    struct od_net *net = websocket->net;
    struct od_frame_message message = {.payload = od_bytes_slice(&held->message),
                                       .is_text = held->is_text};
    held->has_message = false;
    size_t limit = websocket->inflatable_bytes = net->limits.message_bytes_max;
    on_compressed(websocket, &message);
    net->line_bytes -= (int64_t)(limit - websocket->inflatable_bytes);
    od_bytes_deinit(&held->message);
}

static void go_on(struct od_websocket *websocket)
{
    struct od_held *held = websocket->held;
    struct od_net *net = websocket->net;
    websocket->is_reading = true;
    od_websocket_touch(websocket);
    if (held->has_message)
        inflate_held(websocket);
    if (!is_stopped(websocket, held->input.size)) {
        od_bytes_drop_front(&held->input, decode(websocket, held->input.at, held->input.size));
        net->line_bytes -= OD_NET_INFLATE_AT_ONCE_BYTES - (int64_t)websocket->inflatable_bytes;
    }
    end_reading(websocket);
}

void od_net_read_on(struct od_net *net)
{
    net->line_bytes += OD_NET_INFLATE_TURN_BYTES;
    if (net->line_bytes > OD_NET_INFLATE_TURN_BYTES)
        net->line_bytes = OD_NET_INFLATE_TURN_BYTES;
    struct od_list *link;
    while (net->line_bytes > 0 && (link = od_list_pop_front(&net->line)) != NULL)
        go_on(OD_LIST_MEMBER(link, struct od_websocket, line));
}

bool od_net_reads_on(const struct od_net *net)
{
    return !od_list_is_empty(&net->line);
}

void od_websocket_pause(struct od_websocket *websocket)
{
    websocket->is_paused = true;
    od_list_remove(&websocket->line);
    if (websocket->wire != NULL)
        od_wire_pause(websocket->wire);
}

void od_websocket_resume(struct od_websocket *websocket)
{
    websocket->is_paused = false;
    fit_reading(websocket);
}
