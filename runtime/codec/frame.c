#include "codec/frame.h"

#include <string.h>

#include "base/utf8.h"
#include "codec/frame_phase.h"

enum {
    FINAL_BIT = 0x80,
    COMPRESSED_BIT = 0x40, // RSV1, as RFC 7692 uses it.
    RESERVED_BITS = 0x30,  // RSV2 and RSV3.
    OPCODE_BITS = 0x0f,
    CONTROL_BIT = 0x08, // Of the opcode.
    MASKED_BIT = 0x80,
    LENGTH_BITS = 0x7f,
    LENGTH_16 = 126, // The length follows in 16 bits.
    LENGTH_64 = 127,
    MASK_BYTES = 4,
    NOTHING_YET = -1, // Of a step: no event, go on with the next.
};

static const char not_utf8[] = "a text message was not UTF-8";

struct input {
    char *at;
    size_t size;
};

void od_frame_decoder_init(struct od_frame_decoder *decoder, uint32_t message_bytes_max,
                           bool may_compress)
{
    *decoder = (struct od_frame_decoder){
        .message_bytes_max = message_bytes_max,
        .utf8 = OD_UTF8_WHOLE,
        .may_compress = may_compress,
    };
}

void od_frame_decoder_deinit(struct od_frame_decoder *decoder)
{
    od_bytes_deinit(&decoder->gathered);
}

bool od_frame_decoder_is_amid(const struct od_frame_decoder *decoder)
{
    return decoder->phase == OD_FRAME_PHASE_PAYLOAD || decoder->head_bytes > 0 ||
           decoder->message_opcode != 0;
}

bool od_frame_decoder_is_fresh(const struct od_frame_decoder *decoder)
{
    return decoder->phase == OD_FRAME_PHASE_HEAD && decoder->head_bytes == 0 &&
           decoder->message_opcode == 0 && !decoder->is_spent;
}

bool od_frame_take(struct od_frame_decoder *decoder, const struct od_frame_message *message,
                   struct od_bytes *out)
{
    if (message->payload.size == 0 || message->payload.at != decoder->gathered.at)
        return false;
    OD_ASSERT(decoder->is_spent && message->payload.size == decoder->gathered.size);
    *out = decoder->gathered;
    od_bytes_init(&decoder->gathered);
    return true;
}

// ---- Masks

uint32_t od_frame_unmask(char *at, size_t size, uint32_t mask)
{
    uint64_t twice = (uint64_t)mask << 32 | mask;
    size_t i = 0;
    for (; i + sizeof(twice) <= size; i += sizeof(twice)) {
        uint64_t eight;
        memcpy(&eight, at + i, sizeof(eight));
        eight ^= twice;
        memcpy(at + i, &eight, sizeof(eight));
    }
    char bytes[MASK_BYTES], turned[MASK_BYTES];
    memcpy(bytes, &mask, sizeof(bytes));
    for (; i < size; i++)
        at[i] = (char)(at[i] ^ bytes[i % MASK_BYTES]);
    for (i = 0; i < MASK_BYTES; i++)
        turned[i] = bytes[(i + size) % MASK_BYTES];
    memcpy(&mask, turned, sizeof(mask));
    return mask;
}

// ---- Heads

static void end(struct od_frame_decoder *decoder)
{
    decoder->phase = OD_FRAME_PHASE_OVER;
    decoder->head_bytes = 0;
    decoder->message_opcode = 0;
    decoder->message_bytes = 0;
    decoder->is_spent = true;
}

static enum od_frame_event fail(struct od_frame_decoder *decoder, struct od_frame_message *message,
                                uint16_t code, const char *text)
{
    end(decoder);
    *message = (struct od_frame_message){.payload = od_slice_of(text), .code = code};
    return OD_FRAME_EVENT_ERROR;
}

static bool is_control(uint8_t opcode)
{
    return (opcode & CONTROL_BIT) != 0;
}

static const char *const unknown_opcodes[OPCODE_BITS + 1] = {
    [3] = "unknown opcode 3",   [4] = "unknown opcode 4",   [5] = "unknown opcode 5",
    [6] = "unknown opcode 6",   [7] = "unknown opcode 7",   [11] = "unknown opcode 11",
    [12] = "unknown opcode 12", [13] = "unknown opcode 13", [14] = "unknown opcode 14",
    [15] = "unknown opcode 15",
};

// What is wrong with a control frame of these first two bytes; NULL: nothing.
static const char *check_control(uint8_t first, uint8_t second)
{
    if ((first & COMPRESSED_BIT) != 0)
        return "a control frame was marked as compressed";
    if ((first & FINAL_BIT) == 0)
        return "a control frame was fragmented";
    if ((second & LENGTH_BITS) > OD_FRAME_CONTROL_BYTES_MAX)
        return "a control frame was longer than 125 bytes";
    return NULL;
}

static const char *check_data(const struct od_frame_decoder *decoder, uint8_t first)
{
    bool continues = (first & OPCODE_BITS) == OD_FRAME_CONTINUATION;
    if (continues && decoder->message_opcode == 0)
        return "a continuation frame came without a message to continue";
    if (!continues && decoder->message_opcode != 0)
        return "a new message began inside a fragmented one";
    if ((first & COMPRESSED_BIT) != 0 && !decoder->may_compress)
        return "a frame was marked as compressed, but compression was not negotiated";
    if ((first & COMPRESSED_BIT) != 0 && continues)
        return "a continuation frame was marked as compressed";
    return NULL;
}

// Everything that can be known from the first two bytes is refused there.
static const char *check_start(const struct od_frame_decoder *decoder)
{
    uint8_t first = decoder->head[0], second = decoder->head[1];
    if ((first & RESERVED_BITS) != 0)
        return "a reserved bit was set in a client frame";
    if (unknown_opcodes[first & OPCODE_BITS] != NULL)
        return unknown_opcodes[first & OPCODE_BITS];
    bool is_masked = (second & MASKED_BIT) != 0;
    if (is_masked == decoder->is_client)
        return is_masked ? "a server frame was masked" : "a client frame was not masked";
    return is_control(first & OPCODE_BITS) ? check_control(first, second)
                                           : check_data(decoder, first);
}

// How many bytes of length follow the first two.
static size_t length_bytes(uint8_t second)
{
    uint8_t length = second & LENGTH_BITS;
    if (length == LENGTH_64)
        return 8;
    return length == LENGTH_16 ? 2 : 0;
}

static uint64_t read_length(const struct od_frame_decoder *decoder)
{
    size_t count = length_bytes(decoder->head[1]);
    uint64_t length = count == 0 ? decoder->head[1] & LENGTH_BITS : 0;
    for (size_t i = 0; i < count; i++)
        length = length << 8 | decoder->head[2 + i];
    return length;
}

static const char *check_length(const struct od_frame_decoder *decoder, uint64_t length)
{
    size_t count = length_bytes(decoder->head[1]);
    if (length >> 63 != 0)
        return "the length of a frame had its highest bit set";
    if ((count == 2 && length < LENGTH_16) || (count == 8 && length <= UINT16_MAX))
        return "the length of a frame was not written in the shortest form";
    return NULL;
}

// Takes bytes until the head has [size]. False: the input ended before.
static bool fill_head(struct od_frame_decoder *decoder, struct input *in, size_t size)
{
    OD_ASSERT(size <= sizeof decoder->head);
    OD_ASSERT(decoder->head_bytes <= sizeof decoder->head);
    if (decoder->head_bytes >= size)
        return true;
    size_t missing = size - decoder->head_bytes;
    size_t taken = in->size < missing ? in->size : missing;
    if (taken == 0) // The input may be NULL when it is empty.
        return false;
    memcpy(decoder->head + decoder->head_bytes, in->at, taken);
    decoder->head_bytes = (uint8_t)(decoder->head_bytes + taken);
    in->at += taken;
    in->size -= taken;
    return taken == missing;
}

static void begin_payload(struct od_frame_decoder *decoder, uint32_t length)
{
    OD_ASSERT(decoder->head_bytes >= (decoder->is_client ? 2 : 2 + MASK_BYTES));
    OD_ASSERT(decoder->phase == OD_FRAME_PHASE_HEAD);
    uint8_t first = decoder->head[0];
    decoder->opcode = first & OPCODE_BITS;
    decoder->is_final = (first & FINAL_BIT) != 0;
    decoder->left = length;
    decoder->mask = 0;
    if (!decoder->is_client)
        memcpy(&decoder->mask, decoder->head + decoder->head_bytes - MASK_BYTES, MASK_BYTES);
    decoder->head_bytes = 0;
    decoder->phase = OD_FRAME_PHASE_PAYLOAD;
    if (decoder->opcode == OD_FRAME_TEXT || decoder->opcode == OD_FRAME_BINARY) {
        decoder->message_opcode = decoder->opcode;
        decoder->is_compressed = (first & COMPRESSED_BIT) != 0;
    }
}

static int step_head(struct od_frame_decoder *decoder, struct input *in,
                     struct od_frame_message *message)
{
    if (!fill_head(decoder, in, 2))
        return OD_FRAME_EVENT_MORE;
    const char *wrong = check_start(decoder);
    if (wrong != NULL)
        return fail(decoder, message, OD_FRAME_CODE_PROTOCOL_ERROR, wrong);
    size_t mask_bytes = decoder->is_client ? 0 : MASK_BYTES;
    if (!fill_head(decoder, in, 2 + length_bytes(decoder->head[1]) + mask_bytes))
        return OD_FRAME_EVENT_MORE;
    uint64_t length = read_length(decoder);
    wrong = check_length(decoder, length);
    if (wrong != NULL)
        return fail(decoder, message, OD_FRAME_CODE_PROTOCOL_ERROR, wrong);
    if (!is_control(decoder->head[0] & OPCODE_BITS) &&
        length > decoder->message_bytes_max - decoder->message_bytes)
        return fail(decoder, message, OD_FRAME_CODE_TOO_BIG, "a message was larger than the limit");
    begin_payload(decoder, (uint32_t)length);
    return NOTHING_YET;
}

// ---- Whole frames

static int finish_data(struct od_frame_decoder *decoder, od_slice payload,
                       struct od_frame_message *message)
{
    OD_ASSERT(decoder->left == 0);
    decoder->message_bytes = (uint32_t)decoder->gathered.size;
    if (!decoder->is_final)
        return NOTHING_YET;
    if (decoder->utf8 != OD_UTF8_WHOLE)
        return fail(decoder, message, OD_FRAME_CODE_NOT_UTF8, not_utf8);
    *message = (struct od_frame_message){
        .payload = payload,
        .is_text = decoder->message_opcode == OD_FRAME_TEXT,
        .is_compressed = decoder->is_compressed,
    };
    decoder->message_opcode = 0;
    decoder->message_bytes = 0;
    decoder->is_spent = true;
    return OD_FRAME_EVENT_MESSAGE;
}

static enum od_frame_event finish_close(struct od_frame_decoder *decoder, od_slice payload,
                                        struct od_frame_message *message)
{
    message->code = OD_FRAME_CODE_NONE;
    if (payload.size == 1)
        return fail(decoder, message, OD_FRAME_CODE_PROTOCOL_ERROR,
                    "a close frame had a payload of one byte");
    if (payload.size >= 2)
        message->code =
            (uint16_t)((unsigned char)payload.at[0] << 8 | (unsigned char)payload.at[1]);
    if (payload.size >= 2 && !od_frame_code_is_valid(message->code))
        return fail(decoder, message, OD_FRAME_CODE_PROTOCOL_ERROR,
                    "a close frame had a code that cannot be sent");
    message->payload = od_slice_from(payload, 2);
    if (!od_utf8_is_valid(message->payload))
        return fail(decoder, message, OD_FRAME_CODE_NOT_UTF8,
                    "the reason in a close frame was not UTF-8");
    end(decoder);
    return OD_FRAME_EVENT_CLOSE;
}

static int finish_control(struct od_frame_decoder *decoder, od_slice payload,
                          struct od_frame_message *message)
{
    OD_ASSERT(decoder->left == 0);
    OD_ASSERT(decoder->message_bytes <= decoder->gathered.size);
    // The fragments in front of it stay; what is cut off can still be read until the next call.
    decoder->gathered.size = decoder->message_bytes;
    decoder->is_spent = decoder->message_opcode == 0;
    *message = (struct od_frame_message){.payload = payload};
    if (decoder->opcode == OD_FRAME_CLOSE)
        return finish_close(decoder, payload, message);
    return decoder->opcode == OD_FRAME_PING ? OD_FRAME_EVENT_PING : OD_FRAME_EVENT_PONG;
}

// ---- Payload

static bool check_text(struct od_frame_decoder *decoder, od_slice part)
{
    bool is_text = !is_control(decoder->opcode) && decoder->message_opcode == OD_FRAME_TEXT;
    if (is_text && !decoder->is_compressed)
        decoder->utf8 = od_utf8_feed(decoder->utf8, part);
    return decoder->utf8 != OD_UTF8_WRONG;
}

// Unmasks what is there of the payload, in place.
static od_slice take_part(struct od_frame_decoder *decoder, struct input *in)
{
    size_t size = in->size < decoder->left ? in->size : decoder->left;
    od_slice part = {in->at, size};
    if (!decoder->is_client)
        decoder->mask = od_frame_unmask(in->at, size, decoder->mask);
    decoder->left -= (uint32_t)size;
    in->at += size;
    in->size -= size;
    return part;
}

static int step_payload(struct od_frame_decoder *decoder, struct input *in,
                        struct od_frame_message *message)
{
    OD_ASSERT(decoder->phase == OD_FRAME_PHASE_PAYLOAD);
    bool is_data = !is_control(decoder->opcode);
    size_t before = is_data ? 0 : decoder->message_bytes; // Of [gathered], not of this event.
    od_slice part = take_part(decoder, in);
    if (!check_text(decoder, part))
        return fail(decoder, message, OD_FRAME_CODE_NOT_UTF8, not_utf8);
    bool is_whole = decoder->left == 0 && decoder->gathered.size == before &&
                    (decoder->is_final || part.size == 0);
    od_slice payload = part;
    if (!is_whole) {
        od_bytes_put_slice(&decoder->gathered, part);
        payload = od_slice_from(od_bytes_slice(&decoder->gathered), before);
    }
    if (decoder->left > 0)
        return OD_FRAME_EVENT_MORE;
    decoder->phase = OD_FRAME_PHASE_HEAD;
    return (is_data ? finish_data : finish_control)(decoder, payload, message);
}

static int step_over(struct od_frame_decoder *decoder, struct input *in,
                     struct od_frame_message *message)
{
    (void)decoder;
    (void)message;
    in->at += in->size;
    in->size = 0;
    return OD_FRAME_EVENT_MORE;
}

static int (*const steps[])(struct od_frame_decoder *decoder, struct input *in,
                            struct od_frame_message *message) = {
    [OD_FRAME_PHASE_HEAD] = step_head,
    [OD_FRAME_PHASE_PAYLOAD] = step_payload,
    [OD_FRAME_PHASE_OVER] = step_over,
};

static void free_spent(struct od_frame_decoder *decoder)
{
    if (!decoder->is_spent)
        return;
    od_bytes_deinit(&decoder->gathered);
    decoder->is_spent = false;
}

enum od_frame_event od_frame_decode(struct od_frame_decoder *decoder, char *in, size_t size,
                                    size_t *consumed, struct od_frame_message *message)
{
    OD_ASSERT(decoder->phase <= OD_FRAME_PHASE_OVER);
    OD_ASSERT(in != NULL || size == 0);
    struct input rest;
    rest.at = in;
    rest.size = size;
    int event = NOTHING_YET;
    *consumed = 0;
    free_spent(decoder);
    if (size == 0) // As at the end of nearly everything that is read.
        return OD_FRAME_EVENT_MORE;
    if (od_frame_whole(decoder, in, size, consumed, message))
        return message->code == 0 ? OD_FRAME_EVENT_MESSAGE
                                  : fail(decoder, message, OD_FRAME_CODE_NOT_UTF8, not_utf8);
    while (event == NOTHING_YET)
        event = steps[decoder->phase](decoder, &rest, message);
    *consumed = size - rest.size;
    OD_ASSERT(*consumed <= size);
    return (enum od_frame_event)event;
}
