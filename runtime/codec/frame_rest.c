// What a frame decoder has taken and not told yet, as bytes of its peer: the third part of frame.h.

#include <string.h>

#include "codec/frame.h"
#include "codec/frame_phase.h"

enum {
    FINAL_BIT = 0x80,
    MASKED_BIT = 0x80,
    MASK_BYTES = 4,
};

// The key whose byte behind the first [size] ones is the first of [turned].
static uint32_t turned_back(uint32_t turned, size_t size)
{
    char bytes[MASK_BYTES], key[MASK_BYTES];
    memcpy(bytes, &turned, sizeof(bytes));
    for (size_t i = 0; i < MASK_BYTES; i++)
        key[(size + i) % MASK_BYTES] = bytes[i];
    memcpy(&turned, key, sizeof(key));
    return turned;
}

struct begun {
    uint8_t opcode;
    bool is_final;
    bool is_compressed;
    od_slice payload; // As far as it is here,
    size_t left;      // and how much is not.
    uint32_t mask;    // For what is left.
};

static void put_begun(bool is_client, const struct begun *begun, struct od_bytes *out)
{
    OD_ASSERT(!begun->is_final || begun->opcode <= OD_FRAME_BINARY || begun->payload.size <= 125);
    size_t mark = out->size;
    od_frame_put_head(out, begun->opcode, begun->is_compressed, begun->payload.size + begun->left);
    if (!begun->is_final)
        out->at[mark] = (char)((uint8_t)out->at[mark] & ~FINAL_BIT);
    uint32_t key = turned_back(begun->mask, begun->payload.size);
    if (!is_client) {
        out->at[mark + 1] = (char)((uint8_t)out->at[mark + 1] | MASKED_BIT);
        od_bytes_put(out, &key, sizeof(key));
    }
    size_t at = out->size;
    od_bytes_put_slice(out, begun->payload);
    if (!is_client && begun->payload.size > 0)
        od_frame_unmask(out->at + at, begun->payload.size, key);
}

static bool begins_message(const struct od_frame_decoder *decoder)
{
    return decoder->phase == OD_FRAME_PHASE_PAYLOAD &&
           (decoder->opcode == OD_FRAME_TEXT || decoder->opcode == OD_FRAME_BINARY);
}

// The fragments of a message that are whole, as one.
static void put_fragments(const struct od_frame_decoder *decoder, struct od_bytes *out)
{
    if (decoder->message_opcode == 0 || begins_message(decoder))
        return;
    struct begun begun = {.opcode = decoder->message_opcode,
                          .is_compressed = decoder->is_compressed,
                          .payload = {decoder->gathered.at, decoder->message_bytes}};
    put_begun(decoder->is_client, &begun, out);
}

static void put_frame(const struct od_frame_decoder *decoder, struct od_bytes *out)
{
    OD_ASSERT(decoder->message_bytes <= decoder->gathered.size);
    od_slice gathered = od_bytes_slice(&decoder->gathered);
    struct begun begun = {.opcode = decoder->opcode,
                          .is_final = decoder->is_final,
                          .is_compressed = begins_message(decoder) && decoder->is_compressed,
                          .payload = od_slice_from(gathered, decoder->message_bytes),
                          .left = decoder->left,
                          .mask = decoder->mask};
    put_begun(decoder->is_client, &begun, out);
}

void od_frame_decoder_put_rest(const struct od_frame_decoder *decoder, struct od_bytes *out)
{
    if (decoder->phase == OD_FRAME_PHASE_OVER)
        return;
    put_fragments(decoder, out);
    if (decoder->phase == OD_FRAME_PHASE_PAYLOAD)
        put_frame(decoder, out);
    else
        od_bytes_put(out, decoder->head, decoder->head_bytes);
}

void od_frame_put_message(bool is_client, od_slice payload, bool is_text, bool is_compressed,
                          struct od_bytes *out)
{
    struct begun begun = {.opcode = is_text ? OD_FRAME_TEXT : OD_FRAME_BINARY,
                          .is_final = true,
                          .is_compressed = is_compressed,
                          .payload = payload};
    put_begun(is_client, &begun, out);
}
