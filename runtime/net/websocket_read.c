// What a WebSocket reads: frames become events, and what cannot be dealt with at once is held.
//
// A peer's bytes are decoded as far as his object keeps up, and as far as it costs little: a
// compressed message of a few bytes may be one of many MiB. Such ones line up, and each turn
// serves a few of the line with a piece each (od_net_read_on). Meanwhile the rest of what was read
// is held and the wire not read, so TCP slows the peer down and nobody else.

#include <stdlib.h>

#include "base/utf8.h"
#include "link/meters.h"
#include "net/websocket_state.h"

// Receiving. What follows the peer's Close is not told, nor is anything once the connection is
// over.

static void fail(struct od_websocket *websocket, uint16_t code, od_slice why)
{
    struct od_net *net = websocket->net;
    if (!websocket->has_closed)
        od_websocket_put_close(websocket, code, why);
    od_websocket_let_go(websocket);
    net->events->failed(net->owner, websocket->holder, websocket->is_relay, why);
}

static void tell_message(const struct od_websocket *websocket, od_slice payload,
                         struct od_bytes *memory, bool is_text)
{
    struct od_net *net = websocket->net;
    od_meters_count(net->meters, OD_METER_messagesIn, 1);
    od_meters_count(net->meters, OD_METER_bytesIn, payload.size);
    if (websocket->is_relay)
        net->events->relayed(net->owner, websocket->holder, payload, !is_text);
    else
        net->events->message(net->owner, websocket->holder, payload, memory, !is_text);
}

static void tell_inflated(struct od_websocket *websocket, enum od_inflate_outcome outcome,
                          struct od_bytes *text, bool is_text, uint8_t utf8)
{
    if (outcome == OD_INFLATE_TOO_BIG)
        fail(websocket, OD_FRAME_CODE_TOO_BIG, OD_SLICE("Message is too large"));
    else if (outcome == OD_INFLATE_CORRUPT)
        fail(websocket, OD_FRAME_CODE_NOT_UTF8, OD_SLICE("Compressed data is corrupt"));
    else if (utf8 != OD_UTF8_WHOLE)
        fail(websocket, OD_FRAME_CODE_NOT_UTF8, OD_SLICE("Text is not valid UTF-8"));
    else
        tell_message(websocket, od_bytes_slice(text), text, is_text);
}

static struct od_held *held_of(struct od_websocket *websocket)
{
    if (websocket->held == NULL) {
        websocket->held = od_allocate_zeroed(sizeof *websocket->held);
        websocket->held->websocket = websocket;
        od_list_init(&websocket->held->line);
    }
    return websocket->held;
}

static void hold_message(struct od_websocket *websocket, const struct od_frame_message *message)
{
    OD_ASSERT(websocket->held == NULL || websocket->held->inflater == NULL);
    struct od_held *held = held_of(websocket);
    if (!od_frame_take(websocket->decoder, message, &held->payload))
        od_bytes_put_slice(&held->payload, message->payload);
    held->inflater =
        od_inflater_new(od_bytes_slice(&held->payload), websocket->net->limits.message_bytes_max);
    held->is_text = message->is_text;
    held->utf8 = OD_UTF8_WHOLE;
}

// How large it is nobody knows before it is inflated. So it is, as far as it may be at once; one
// that turns out larger lines up and is begun anew.
static __attribute__((noinline)) void on_compressed(struct od_websocket *websocket,
                                                    const struct od_frame_message *message)
{
    struct od_bytes text = {0};
    struct od_net *net = websocket->net;
    size_t at_once = net->inflatable_bytes;
    enum od_inflate_outcome outcome = OD_INFLATE_TOO_BIG;
    if (message->payload.size <= at_once)
        outcome = od_inflate_message(net->deflate, message->payload, at_once, &text);
    OD_ASSERT(text.size <= at_once || outcome != OD_INFLATE_DONE);
    net->inflatable_bytes -= outcome == OD_INFLATE_DONE ? text.size : at_once;
    uint8_t utf8 =
        message->is_text ? od_utf8_feed(OD_UTF8_WHOLE, od_bytes_slice(&text)) : OD_UTF8_WHOLE;
    if (outcome == OD_INFLATE_TOO_BIG && at_once < net->limits.message_bytes_max)
        hold_message(websocket, message);
    else
        tell_inflated(websocket, outcome, &text, message->is_text, utf8);
    od_bytes_deinit(&text);
}

// It came in pieces, so its memory can go along.
OD_SELDOM static void on_gathered(struct od_websocket *websocket,
                                  const struct od_frame_message *message)
{
    struct od_bytes text = {0};
    bool is_taken = od_frame_take(websocket->decoder, message, &text);
    tell_message(websocket, message->payload, is_taken ? &text : NULL, message->is_text);
    od_bytes_deinit(&text);
}

static void on_message(struct od_websocket *websocket, const struct od_frame_message *message)
{
    if (websocket->amid != NULL)
        websocket->amid->message_began_ms = 0;
    if (message->is_compressed)
        on_compressed(websocket, message);
    else if (websocket->decoder->is_spent)
        on_gathered(websocket, message);
    else
        tell_message(websocket, message->payload, NULL, message->is_text);
}

// A peer that sends pings and reads nothing gets no more pongs than its queue may hold.
static void on_ping(struct od_websocket *websocket, const struct od_frame_message *message)
{
    if (od_websocket_can_send(websocket) && od_websocket_has_room(websocket))
        od_websocket_put(websocket, OD_FRAME_PONG, false, message->payload);
}

static void on_pong(struct od_websocket *websocket, const struct od_frame_message *message)
{
    struct od_net *net = websocket->net;
    if (websocket->tells_pongs)
        net->events->pong(net->owner, websocket->holder, websocket->is_relay, message->payload);
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

// What was inflated of it is no longer on its way.
static void end_message(struct od_websocket *websocket)
{
    OD_ASSERT(websocket->net->inflating_bytes >= websocket->held->message.size);
    struct od_held *held = websocket->held;
    websocket->net->inflating_bytes -= held->message.size;
    od_inflater_free(held->inflater);
    held->inflater = NULL;
    od_bytes_deinit(&held->payload);
    od_bytes_deinit(&held->message);
}

void od_websocket_drop_held(struct od_websocket *websocket)
{
    if (websocket->held == NULL)
        return;
    end_message(websocket);
    od_list_remove(&websocket->held->line);
    od_bytes_deinit(&websocket->held->input);
    free(websocket->held);
    websocket->held = NULL;
}

// Between two reads nearly everybody's decoder says the same: nothing has come yet. So one goes
// from hand to hand, and only in the middle of a frame or message it stays with who is read.
OD_SELDOM static void make_decoder(struct od_net *net)
{
    net->decoder = od_allocate(sizeof *net->decoder);
    od_frame_decoder_init(net->decoder, 0, false);
}

static struct od_frame_decoder *take_decoder(struct od_websocket *websocket)
{
    struct od_net *net = websocket->net;
    if (websocket->decoder != NULL)
        return websocket->decoder;
    if (net->decoder == NULL)
        make_decoder(net);
    websocket->decoder = net->decoder;
    net->decoder = NULL;
    websocket->decoder->message_bytes_max = (uint32_t)net->limits.message_bytes_max;
    websocket->decoder->may_compress = websocket->window_bits != 0;
    websocket->decoder->is_client = websocket->is_client;
    return websocket->decoder;
}

void od_websocket_drop_decoder(struct od_websocket *websocket)
{
    if (websocket->decoder == NULL)
        return;
    od_frame_decoder_deinit(websocket->decoder);
    free(websocket->decoder);
    websocket->decoder = NULL;
}

static void give_decoder(struct od_websocket *websocket)
{
    struct od_frame_decoder **next = &websocket->net->decoder;
    if (websocket->decoder == NULL || !od_frame_decoder_is_fresh(websocket->decoder))
        return;
    if (*next != NULL) { // Another was made meanwhile.
        od_websocket_drop_decoder(websocket);
        return;
    }
    *next = websocket->decoder;
    websocket->decoder = NULL;
}

typedef void event_handler(struct od_websocket *websocket, const struct od_frame_message *message);

// Whether [left] bytes that were read are not to be decoded now.
static bool is_stopped(const struct od_websocket *websocket, size_t left)
{
    bool awaits_line = websocket->held != NULL && websocket->held->inflater != NULL;
    return websocket->is_over || awaits_line || (websocket->is_paused && left > 0);
}

OD_SELDOM static void tell_other(struct od_websocket *websocket, enum od_frame_event event,
                                 const struct od_frame_message *message)
{
    static event_handler *const handlers[] = {
        [OD_FRAME_EVENT_PING] = on_ping,
        [OD_FRAME_EVENT_PONG] = on_pong,
        [OD_FRAME_EVENT_CLOSE] = on_close,
        [OD_FRAME_EVENT_ERROR] = on_error,
    };
    OD_ASSERT(event < sizeof handlers / sizeof *handlers);
    OD_ASSERT(handlers[event] != NULL);
    handlers[event](websocket, message);
}

// Returns how much of [size] is done with.
static size_t decode(struct od_websocket *websocket, char *at, size_t size)
{
    struct od_frame_message message;
    size_t limit = websocket->net->limits.message_bytes_max;
    size_t taken = 0, consumed;
    websocket->net->inflatable_bytes =
        limit < OD_NET_INFLATE_AT_ONCE_BYTES ? limit : OD_NET_INFLATE_AT_ONCE_BYTES;
    struct od_frame_decoder *decoder = take_decoder(websocket);
    while (!is_stopped(websocket, size - taken)) {
        enum od_frame_event event =
            od_frame_decode(decoder, at + taken, size - taken, &consumed, &message);
        if (event == OD_FRAME_EVENT_MORE)
            return size;
        OD_ASSERT(consumed <= size - taken);
        taken += consumed;
        if (event == OD_FRAME_EVENT_MESSAGE) // As nearly all are.
            on_message(websocket, &message);
        else
            tell_other(websocket, event, &message);
    }
    return taken;
}

// At the end of the line, and with a message that is begun at its head when too much is on its way.
static void line_up(struct od_websocket *websocket)
{
    OD_ASSERT(websocket->held != NULL);
    OD_ASSERT(!websocket->is_paused);
    struct od_net *net = websocket->net;
    bool is_first =
        websocket->held->message.size > 0 && net->inflating_bytes > OD_NET_INFLATING_BYTES_MAX;
    struct od_list *line = &websocket->held->line;
    if (od_list_is_empty(line))
        (is_first ? od_list_push_front : od_list_push_back)(&net->line, line);
}

// Nothing is read while something is held: it would have to be kept, too.
static void fit_reading(struct od_websocket *websocket)
{
    struct od_held *held = websocket->held;
    if (held != NULL && (websocket->is_over || (held->inflater == NULL && held->input.size == 0)))
        od_websocket_drop_held(websocket);
    if (websocket->wire == NULL)
        return;
    bool is_held = websocket->held != NULL;
    (is_held || websocket->is_paused ? od_wire_pause : od_wire_resume)(websocket->wire);
    if (is_held && !websocket->is_paused)
        line_up(websocket);
}

// What a message takes that is not whole, as it came.
static bool count_coming(struct od_websocket *websocket)
{
    struct od_net *net = websocket->net;
    const struct od_held *held = websocket->held;
    size_t size = (websocket->decoder == NULL ? 0 : websocket->decoder->gathered.size) +
                  (held == NULL ? 0 : held->payload.size);
    od_websocket_count_coming(websocket, size);
    return size <= OD_NET_SMALL_BYTES || net->coming_bytes <= OD_NET_COMING_BYTES_MAX;
}

// From its first byte on a message has time, and more the larger it is. While it is not read, its
// peer cannot be late.
static void watch_message(struct od_websocket *websocket)
{
    struct od_net *net = websocket->net;
    if (websocket->has_closed)
        return;
    if (websocket->decoder == NULL || !od_frame_decoder_is_amid(websocket->decoder)) {
        od_websocket_clear_deadline(websocket);
        return;
    }
    od_time_ms now_ms = od_clock_monotonic_ms();
    struct od_amid *amid = od_websocket_amid(websocket);
    if (amid->message_began_ms == 0)
        amid->message_began_ms = now_ms;
    od_websocket_set_deadline(websocket,
                              od_net_transfer_ms(net, websocket->decoder->gathered.size) -
                                  (now_ms - amid->message_began_ms));
}

void od_websocket_message_is_late(struct od_websocket *websocket)
{
    od_websocket_amid(websocket)->message_began_ms = 0;
    if (websocket->is_paused || websocket->held != NULL)
        watch_message(websocket);
    else
        fail(websocket, OD_FRAME_CODE_POLICY, OD_SLICE("The message was not sent in time"));
}

// A message that is not whole has a size, and some time.
static void look_at_message(struct od_websocket *websocket)
{
    bool has_room = count_coming(websocket);
    if (!has_room && !websocket->is_over)
        fail(websocket, OD_CLOSE_TRY_AGAIN, OD_SLICE("Too many large messages are on their way"));
    if (!websocket->is_over)
        watch_message(websocket);
}

static void end_reading(struct od_websocket *websocket)
{
    OD_ASSERT(websocket->is_reading);
    give_decoder(websocket);
    if (websocket->decoder != NULL || websocket->amid != NULL || websocket->held != NULL)
        look_at_message(websocket);
    websocket->is_reading = false;
    if (websocket->is_freed)
        od_websocket_destroy(websocket);
    else if (websocket->held != NULL || websocket->is_over)
        fit_reading(websocket);
}

void od_websocket_read(void *owner, char *at, size_t size)
{
    struct od_websocket *websocket = owner;
    if (websocket->is_events)
        return;
    websocket->is_reading = true;
    od_keepalive_beat(&websocket->net->keepalives, &websocket->keepalive);
    size_t taken = websocket->held == NULL ? decode(websocket, at, size) : 0;
    if (taken < size && !websocket->is_over)
        od_bytes_put(&held_of(websocket)->input, at + taken, size - taken);
    end_reading(websocket);
}

// The line.

static void inflate_piece(struct od_websocket *websocket)
{
    OD_ASSERT(websocket->held->inflater != NULL);
    struct od_held *held = websocket->held;
    struct od_net *net = websocket->net;
    size_t before = held->message.size;
    enum od_inflate_outcome outcome =
        od_inflater_go_on(held->inflater, OD_NET_INFLATE_PIECE_BYTES, &held->message);
    net->inflating_bytes += held->message.size - before;
    OD_ASSERT(held->message.size >= before);
    if (held->is_text)
        held->utf8 =
            od_utf8_feed(held->utf8, od_slice_from(od_bytes_slice(&held->message), before));
    if (outcome == OD_INFLATE_MORE && held->utf8 != OD_UTF8_WRONG)
        return;
    struct od_bytes text = held->message;
    net->inflating_bytes -= text.size;
    od_bytes_init(&held->message);
    end_message(websocket);
    tell_inflated(websocket, outcome, &text, held->is_text, held->utf8);
    od_bytes_deinit(&text);
}

// Returns what of the turn's share it took.
static size_t go_on(struct od_websocket *websocket)
{
    OD_ASSERT(websocket->held != NULL);
    OD_ASSERT(!websocket->is_paused);
    struct od_held *held = websocket->held;
    size_t work_bytes = 0;
    websocket->is_reading = true;
    od_websocket_touch(websocket);
    if (held->inflater != NULL) {
        work_bytes = OD_NET_INFLATE_PIECE_BYTES;
        inflate_piece(websocket);
    }
    if (!is_stopped(websocket, held->input.size)) {
        od_bytes_drop_front(&held->input, decode(websocket, held->input.at, held->input.size));
        OD_ASSERT(websocket->net->inflatable_bytes <= OD_NET_INFLATE_AT_ONCE_BYTES);
        work_bytes += OD_NET_INFLATE_AT_ONCE_BYTES - websocket->net->inflatable_bytes;
    }
    end_reading(websocket);
    return work_bytes;
}

void od_net_read_on(struct od_net *net)
{
    struct od_list *link;
    size_t work_bytes = 0;
    while (work_bytes < OD_NET_INFLATE_TURN_BYTES && (link = od_list_pop_front(&net->line)) != NULL)
        work_bytes += go_on(OD_LIST_MEMBER(link, struct od_held, line)->websocket);
}

bool od_net_reads_on(const struct od_net *net)
{
    return !od_list_is_empty(&net->line);
}

void od_websocket_pause(struct od_websocket *websocket)
{
    od_websocket_check(websocket);
    websocket->is_paused = true;
    if (websocket->held != NULL)
        od_list_remove(&websocket->held->line);
    if (websocket->wire != NULL)
        od_wire_pause(websocket->wire);
}

void od_websocket_resume(struct od_websocket *websocket)
{
    od_websocket_check(websocket);
    websocket->is_paused = false;
    fit_reading(websocket);
}
