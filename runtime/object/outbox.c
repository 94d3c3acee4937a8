#include "object/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "object/alarm_event.h"
#include "object/call.h"
#include "object/history.h"
#include "object/objects.h"
#include "object/outgoing.h"
#include "object/pipe.h"
#include "object/stream.h"
#include "object/tap.h"
#include "object/wish.h"

static void perform_answer(struct od_object *object, const struct od_effect *effect)
{
    struct od_call *call = od_call_find(object->objects, effect->number);
    if (call != NULL)
        od_call_answer(call, effect->bytes);
}

static void perform_response(struct od_object *object, const struct od_effect *effect)
{
    if (od_call_find(object->objects, effect->number) != NULL)
        perform_answer(object, effect);
    else
        od_call_lose_response(object->objects, effect->bytes);
}

static void perform_failure(struct od_object *object, const struct od_effect *effect)
{
    struct od_call *call = od_call_find(object->objects, effect->number);
    struct od_failure failure;
    bool is_whole = od_failure_read(effect->bytes, &failure);
    OD_ASSERT(is_whole);
    if (call != NULL)
        od_call_fail_with(call, 500, &failure);
}

static void perform_call(struct od_object *object, const struct od_effect *effect)
{
    struct od_call *call = od_call_find(object->objects, effect->number);
    if (call != NULL)
        od_call_send(call, effect->bytes);
}

static void perform_fetch(struct od_object *object, const struct od_effect *effect)
{
    struct od_call *call = od_call_find(object->objects, effect->number);
    if (call != NULL)
        od_outgoing_send(call, effect->bytes);
}

// When the outbox is open, od_socket_send does this without an effect: what is changed here is
// changed there.
static void perform_message(struct od_object *object, const struct od_effect *effect)
{
    OD_ASSERT(effect->socket->object == object);
    const struct od_frame_shared *frame = effect->frame;
    od_slice payload = frame == NULL
                           ? effect->bytes
                           : od_slice_from(od_bytes_slice(&frame->plain), frame->payload_offset);
    od_tap_note(effect->socket, OD_TAP_OUT, 0, payload,
                frame == NULL ? effect->is_binary : frame->is_binary);
    object->is_ahead = object->is_ahead || frame != NULL;
    if (frame != NULL)
        od_websocket_send_frame(effect->socket->websocket, effect->frame);
    else
        od_websocket_send(effect->socket->websocket, effect->bytes, effect->is_binary);
}

static void perform_dial(struct od_object *object, const struct od_effect *effect)
{
    OD_ASSERT(effect->socket->object == object);
    od_wish_begin(effect->socket);
}

static void perform_close(struct od_object *object, const struct od_effect *effect)
{
    OD_ASSERT(effect->socket->object == object);
    od_tap_note(effect->socket, OD_TAP_CLOSE, effect->code, effect->bytes, false);
    od_websocket_close(effect->socket->websocket, effect->code, effect->bytes);
}

static void perform_finish_close(struct od_object *object, const struct od_effect *effect)
{
    OD_ASSERT(effect->socket->object == object);
    od_websocket_finish_close(effect->socket->websocket);
}

static void perform_piece(struct od_object *object, const struct od_effect *effect)
{
    struct od_stream *stream = od_stream_find(object->objects, effect->number);
    if (stream != NULL)
        od_stream_send(stream, effect->bytes);
}

static void perform_pieces_end(struct od_object *object, const struct od_effect *effect)
{
    struct od_stream *stream = od_stream_find(object->objects, effect->number);
    if (stream != NULL)
        od_stream_send_end(stream);
}

static void perform_pipe_open(struct od_object *object, const struct od_effect *effect)
{
    struct od_pipe *pipe = od_pipe_find(object->objects, effect->number);
    if (pipe != NULL)
        od_pipe_begin(pipe);
}

static void perform_pipe_bytes(struct od_object *object, const struct od_effect *effect)
{
    struct od_pipe *pipe = od_pipe_find(object->objects, effect->number);
    if (pipe != NULL)
        od_pipe_send(pipe, effect->bytes);
}

static void perform_pipe_secure(struct od_object *object, const struct od_effect *effect)
{
    struct od_pipe *pipe = od_pipe_find(object->objects, effect->number);
    if (pipe != NULL)
        od_pipe_begin_tls(pipe);
}

static void perform_pipe_end(struct od_object *object, const struct od_effect *effect)
{
    struct od_pipe *pipe = od_pipe_find(object->objects, effect->number);
    if (pipe != NULL)
        od_pipe_send_end(pipe);
}

static void perform_alarm_over(struct od_object *object, const struct od_effect *effect)
{
    (void)effect;
    od_alarm_event_say_over(object, false);
}

typedef void perform_effect(struct od_object *object, const struct od_effect *effect);

static perform_effect *const perform[] = {
    [OD_EFFECT_ANSWER] = perform_answer,
    [OD_EFFECT_RESPONSE] = perform_response,
    [OD_EFFECT_FAILURE] = perform_failure,
    [OD_EFFECT_CALL] = perform_call,
    [OD_EFFECT_FETCH] = perform_fetch,
    [OD_EFFECT_MESSAGE] = perform_message,
    [OD_EFFECT_DIAL] = perform_dial,
    [OD_EFFECT_CLOSE] = perform_close,
    [OD_EFFECT_FINISH_CLOSE] = perform_finish_close,
    [OD_EFFECT_PIECE] = perform_piece,
    [OD_EFFECT_PIECES_END] = perform_pieces_end,
    [OD_EFFECT_PIPE_OPEN] = perform_pipe_open,
    [OD_EFFECT_PIPE_BYTES] = perform_pipe_bytes,
    [OD_EFFECT_PIPE_END] = perform_pipe_end,
    [OD_EFFECT_ALARM_OVER] = perform_alarm_over,
    [OD_EFFECT_PIPE_SECURE] = perform_pipe_secure,
};

// What it costs while it waits. A frame for many sockets is there once.
static size_t cost_of(const struct od_effect *effect)
{
    bool brings_frame = effect->frame != NULL && effect->frame->gated == 0;
    return sizeof *effect + effect->bytes.size + (brings_frame ? effect->frame->plain.size : 0);
}

// A handler can send faster than any disk writes, without ever letting go.
static bool has_room(struct od_object *object, const struct od_effect *effect)
{
    if (effect->kind != OD_EFFECT_MESSAGE)
        return true;
    if (object->work->outbox_bytes + cost_of(effect) <= OD_OUTBOX_BYTES_MAX)
        return true;
    od_slice why = OD_SLICE("more than 64 MiB of messages wait for its writes");
    if (!object->is_reset) {
        od_object_history_error(object, (od_slice){NULL, 0}, why);
        od_object_reset(object, why);
    }
    return false;
}

// Before the effect at [before]; at the end before the head of the list itself.
static void keep(struct od_object *object, const struct od_effect *effect, struct od_list *before)
{
    if (!has_room(object, effect))
        return;
    object->work->outbox_bytes += cost_of(effect);
    uint64_t number;
    bool is_small = effect->bytes.size <= OD_OUTBOX_SMALL_BYTES;
    struct od_effect *kept = is_small ? od_slab_take(&object->objects->effects, &number)
                                      : od_allocate(sizeof *kept + effect->bytes.size);
    *kept = *effect;
    kept->is_of_slab = is_small;
    od_list_init(&kept->link);
    kept->bytes.at = (const char *)(kept + 1);
    if (effect->bytes.size > 0)
        memcpy(kept + 1, effect->bytes.at, effect->bytes.size);
    if (kept->frame != NULL)
        od_frame_shared_keep(kept->frame)->gated++;
    if (kept->socket != NULL) {
        kept->socket->gated_count++;
        od_websocket_touch(kept->socket->websocket);
    }
    od_list_push_back(before, &kept->link);
    if (od_list_is_empty(&object->work->gated))
        od_list_push_back(&object->objects->gated, &object->work->gated);
}

static void free_kept(struct od_object *object, struct od_effect *kept)
{
    struct od_socket *socket = kept->socket;
    if (kept->frame != NULL)
        kept->frame->gated--;
    OD_ASSERT(object->work->outbox_bytes >= cost_of(kept));
    object->work->outbox_bytes -= cost_of(kept);
    od_frame_shared_drop(kept->frame);
    if (kept->is_of_slab)
        od_slab_give(&object->objects->effects, kept);
    else
        free(kept);
    if (socket == NULL)
        return;
    OD_ASSERT(socket->gated_count > 0);
    socket->gated_count--;
    od_websocket_touch(socket->websocket);
    od_socket_release(socket);
}

void od_outbox_check(const struct od_object *object)
{
    bool is_empty = od_list_is_empty(&object->work->outbox);
    OD_ASSERT(!is_empty || object->work->outbox_bytes == 0);
    OD_ASSERT(is_empty || !od_list_is_empty(&object->work->gated));
}

static uint64_t seq_to_wait_for(const struct od_object *object)
{
    return od_object_is_entry(object) ? 0 : od_storage_pending_seq(&object->storage);
}

bool od_outbox_is_open(const struct od_object *object)
{
    return od_list_is_empty(&object->work->outbox) && object->state != OD_WAKING &&
           !object->is_reset && seq_to_wait_for(object) == 0;
}

// Something else depends on it now: what was sent before goes along.
static void settle_tentative(struct od_object *object)
{
    OD_LIST_EACH (link, &object->work->outbox)
        OD_LIST_MEMBER(link, struct od_effect, link)->is_tentative = false;
    od_outbox_release(object);
}

// What an instance does when its reset has been decided never leaves.
static void put(struct od_object *object, struct od_effect effect, uint64_t seq)
{
    OD_ASSERT(effect.kind < sizeof perform / sizeof *perform);
    OD_ASSERT(effect.socket == NULL || effect.socket->object == object);
    effect.seq = object->is_reset ? UINT64_MAX : seq;
    effect.is_tentative = object->state == OD_WAKING && effect.socket != NULL;
    if (object->state == OD_WAKING && effect.socket == NULL)
        settle_tentative(object);
    // At once only when nothing is in front of it: order is promised.
    if (effect.seq == 0 && !effect.is_tentative && od_list_is_empty(&object->work->outbox))
        perform[effect.kind](object, &effect);
    else
        keep(object, &effect, &od_object_work(object)->outbox);
}

// The first that waits for a transaction, or the head.
static struct od_list *first_undecided(struct od_object *object)
{
    struct od_list *link = object->work->outbox.next;
    while (link != &object->work->outbox &&
           OD_LIST_MEMBER(link, struct od_effect, link)->seq != OD_SEQ_UNKNOWN)
        link = link->next;
    return link;
}

// The transaction that asks may be waiting for the answer, and everything else for the transaction.
static void put_question(struct od_object *object, struct od_effect effect)
{
    OD_ASSERT(object->work->transaction != NULL);
    struct od_list *before = first_undecided(object);
    // What was sealed before the transaction may still fail, and the question may rest on it.
    effect.seq = od_storage_sealed_seq(&object->storage);
    if (effect.seq == 0 && before == object->work->outbox.next)
        perform[effect.kind](object, &effect);
    else
        keep(object, &effect, before);
}

// A transaction may be waiting for what the place outside says to it.
static bool is_of_pipe(const struct od_effect *effect)
{
    return effect->kind == OD_EFFECT_PIPE_OPEN || effect->kind == OD_EFFECT_PIPE_BYTES ||
           effect->kind == OD_EFFECT_PIPE_SECURE || effect->kind == OD_EFFECT_PIPE_END;
}

static bool is_question(const struct od_effect *effect)
{
    return effect->kind == OD_EFFECT_CALL || effect->kind == OD_EFFECT_FETCH || is_of_pipe(effect);
}

void od_outbox_put(struct od_object *object, struct od_effect effect)
{
    od_outbox_check(object);
    if (object->work->transaction != NULL && is_question(&effect) && !object->is_reset)
        put_question(object, effect);
    else
        put(object, effect, seq_to_wait_for(object));
}

void od_outbox_decide(struct od_object *object)
{
    OD_ASSERT(object->work->transaction == NULL);
    od_outbox_check(object);
    od_seq seq = od_storage_pending_seq(&object->storage);
    if (object->is_reset)
        return;
    OD_LIST_EACH (link, &object->work->outbox) {
        struct od_effect *effect = OD_LIST_MEMBER(link, struct od_effect, link);
        if (effect->seq == OD_SEQ_UNKNOWN)
            effect->seq = seq;
    }
    od_outbox_release(object);
}

void od_outbox_put_synced(struct od_object *object, struct od_effect effect)
{
    od_outbox_check(object);
    put(object, effect, od_storage_sync_seq(&object->storage));
}

void od_outbox_put_ungated(struct od_object *object, struct od_effect effect)
{
    od_outbox_check(object);
    effect.seq = 0;
    // Its own socket's order is all it has to keep; the writes it does not depend on do not matter.
    if (effect.socket != NULL && effect.socket->gated_count == 0)
        perform[effect.kind](object, &effect);
    else
        keep(object, &effect, &od_object_work(object)->outbox);
}

void od_outbox_release(struct od_object *object)
{
    od_outbox_check(object);
    while (!od_list_is_empty(&object->work->outbox)) {
        struct od_effect *first = OD_LIST_MEMBER(object->work->outbox.next, struct od_effect, link);
        bool is_early = first->is_tentative && object->state == OD_WAKING;
        if (is_early || first->seq > object->objects->durable)
            return;
        od_list_remove(&first->link);
        perform[first->kind](object, first);
        free_kept(object, first);
    }
}

static void drop_stream(struct od_object *object, uint64_t number)
{
    struct od_stream *stream = od_stream_find(object->objects, number);
    if (stream != NULL)
        od_stream_break(stream);
}

static void drop_pipe(struct od_object *object, uint64_t number)
{
    struct od_pipe *pipe = od_pipe_find(object->objects, number);
    if (pipe != NULL)
        od_pipe_break(pipe, "what was written to it was given up");
}

static void drop_one(struct od_object *object, struct od_effect *kept, const struct od_failure *why)
{
    if (kept->kind == OD_EFFECT_ALARM_OVER) {
        od_alarm_event_say_over(object, true);
    } else if (kept->kind == OD_EFFECT_PIECE || kept->kind == OD_EFFECT_PIECES_END) {
        drop_stream(object, kept->number);
    } else if (is_of_pipe(kept)) {
        drop_pipe(object, kept->number);
    } else if (kept->kind == OD_EFFECT_DIAL) {
        od_wish_begin(kept->socket); // Which looks whether it is still wished.
    } else if (kept->socket == NULL) {
        struct od_call *call = od_call_find(object->objects, kept->number);
        if (call != NULL)
            od_call_fail_with(call, 500, why);
        if (kept->kind == OD_EFFECT_RESPONSE)
            od_call_lose_response(object->objects, kept->bytes);
    } else {
        // It was promised a message that will never come: better that it asks anew.
        od_websocket_close(kept->socket->websocket, 1011, OD_SLICE("the object was reset"));
        kept->socket->has_closed = true;
    }
    free_kept(object, kept);
}

void od_outbox_drop(struct od_object *object, const struct od_failure *why)
{
    od_outbox_check(object);
    struct od_list *link;
    while ((link = od_list_pop_front(&object->work->outbox)) != NULL)
        drop_one(object, OD_LIST_MEMBER(link, struct od_effect, link), why);
}

void od_outbox_drop_tentative(struct od_object *object)
{
    od_outbox_check(object);
    OD_LIST_EACH_SAFE (link, &object->work->outbox) {
        struct od_effect *effect = OD_LIST_MEMBER(link, struct od_effect, link);
        if (!effect->is_tentative)
            continue;
        od_list_remove(link);
        drop_one(object, effect, NULL);
    }
}
