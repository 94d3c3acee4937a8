#include "codec/frame_shared.h"

#include <stdlib.h>

#include "base/check.h"
#include "codec/frame.h"

struct od_frame_shared *od_frame_shared_new(od_slice payload, bool is_binary)
{
    struct od_frame_shared *frame = od_allocate_zeroed(sizeof *frame);
    frame->references = 1;
    frame->is_binary = is_binary;
    od_bytes_reserve(&frame->plain, OD_FRAME_HEAD_BYTES_MAX + payload.size);
    od_frame_put(&frame->plain, is_binary ? OD_FRAME_BINARY : OD_FRAME_TEXT, false, payload);
    frame->payload_offset = frame->plain.size - payload.size;
    return frame;
}

struct od_frame_shared *od_frame_shared_of_events(od_slice bytes)
{
    struct od_frame_shared *frame = od_allocate_zeroed(sizeof *frame);
    frame->references = 1;
    od_bytes_put_slice(&frame->plain, bytes);
    return frame;
}

struct od_frame_shared *od_frame_shared_keep(struct od_frame_shared *frame)
{
    OD_ASSERT(frame->references > 0);
    frame->references++;
    return frame;
}

void od_frame_shared_drop(struct od_frame_shared *frame)
{
    if (frame == NULL)
        return;
    OD_ASSERT(frame->references > 0);
    if (--frame->references > 0)
        return;
    od_bytes_deinit(&frame->plain);
    od_bytes_deinit(&frame->compressed);
    free(frame);
}

static od_slice payload_of(const struct od_frame_shared *frame)
{
    OD_ASSERT(frame->payload_offset <= frame->plain.size);
    return od_slice_from(od_bytes_slice(&frame->plain), frame->payload_offset);
}

static void make_compressed(struct od_frame_shared *frame, struct od_deflate *deflate)
{
    struct od_bytes payload = {0};
    OD_ASSERT(!frame->is_compressed_made);
    od_deflate_message(deflate, payload_of(frame), &payload);
    if (payload.size < payload_of(frame).size)
        od_frame_put(&frame->compressed, frame->is_binary ? OD_FRAME_BINARY : OD_FRAME_TEXT, true,
                     od_bytes_slice(&payload));
    od_bytes_deinit(&payload);
    frame->is_compressed_made = true;
}

od_slice od_frame_shared_bytes(struct od_frame_shared *frame, struct od_deflate *deflate,
                               uint8_t window_bits)
{
    OD_ASSERT(frame->references > 0);
    OD_ASSERT(frame->gated <= frame->references);
    if (!od_deflate_is_worth_it(payload_of(frame).size, window_bits))
        return od_bytes_slice(&frame->plain);
    if (!frame->is_compressed_made)
        make_compressed(frame, deflate);
    return od_bytes_slice(frame->compressed.size > 0 ? &frame->compressed : &frame->plain);
}
