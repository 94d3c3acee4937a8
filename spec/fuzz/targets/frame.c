// Frames of a client, or of a server to one: in pieces, and with what is not told yet moved to
// another decoder between two, the same events come as from all in one. What one side puts, the
// other reads.

#include "fuzz.h"

#include "base/utf8.h"
#include "codec/deflate.h"
#include "codec/frame.h"

enum {
    message_bytes_max = 5000,
    moves_max = 16, // Of one input, to another process: each copies what is gathered.
};

struct form {
    bool may_compress;
    bool moves;
    bool is_client;
};

static struct od_deflate *codec;

static void inflate(const struct od_frame_message *message)
{
    struct od_bytes out = {0};
    if (od_inflate_message(codec, message->payload, 4 * message_bytes_max, &out) == OD_INFLATE_DONE)
        OD_ASSERT(out.size <= 4 * message_bytes_max);
    od_bytes_deinit(&out);
}

static void note(enum od_frame_event event, const struct od_frame_message *message,
                 struct od_bytes *story)
{
    if (event == OD_FRAME_EVENT_MORE)
        return;
    if (event == OD_FRAME_EVENT_MESSAGE) {
        OD_ASSERT(message->payload.size <= message_bytes_max);
        if (message->is_compressed)
            inflate(message);
        else if (message->is_text)
            OD_ASSERT(od_utf8_is_valid(message->payload));
    }
    if (event == OD_FRAME_EVENT_ERROR || event == OD_FRAME_EVENT_CLOSE)
        OD_ASSERT(message->code == OD_FRAME_CODE_NONE || od_frame_code_is_valid(message->code));
    od_bytes_put_u8(story, (uint8_t)event);
    od_bytes_put_u32(story, message->code);
    od_bytes_put_string(story, message->payload);
}

// A new decoder that has read the rest is where this one is; it hears nothing meanwhile.
static void move(struct od_frame_decoder *decoder)
{
    struct od_frame_decoder fresh;
    struct od_frame_message message;
    struct od_bytes rest = {0};
    size_t consumed;
    od_frame_decoder_init(&fresh, message_bytes_max, decoder->may_compress);
    fresh.is_client = decoder->is_client;
    od_frame_decoder_put_rest(decoder, &rest);
    enum od_frame_event event = od_frame_decode(&fresh, rest.at, rest.size, &consumed, &message);
    OD_ASSERT(event == OD_FRAME_EVENT_MORE);
    OD_ASSERT(consumed == rest.size);
    od_frame_decoder_deinit(decoder);
    od_bytes_deinit(&rest);
    *decoder = fresh;
}

static void decode(const uint8_t *data, size_t size, size_t step, struct form form,
                   struct od_bytes *story)
{
    struct od_frame_decoder decoder;
    struct od_frame_message message = {0};
    size_t between_moves = size / moves_max + 1, next_move = 0;
    bool is_over = false;
    od_frame_decoder_init(&decoder, message_bytes_max, form.may_compress);
    decoder.is_client = form.is_client;
    for (size_t at = 0; at < size; at += step) {
        size_t count = size - at < step ? size - at : step, done = 0, consumed;
        char *copy = fuzz_copy(data + at, count);
        enum od_frame_event event;
        do {
            event = od_frame_decode(&decoder, copy + done, count - done, &consumed, &message);
            done += consumed;
            OD_ASSERT(done <= count);
            note(event, &message, story);
            is_over |= event == OD_FRAME_EVENT_ERROR || event == OD_FRAME_EVENT_CLOSE;
        } while (event != OD_FRAME_EVENT_MORE);
        OD_ASSERT(done == count);
        free(copy);
        if (!form.moves || at < next_move || is_over)
            continue;
        move(&decoder);
        next_move = at + between_moves;
    }
    od_frame_decoder_deinit(&decoder);
}

// A frame as [is_client] puts it comes out at the other side.
static void there_and_back(const uint8_t *data, size_t size, bool is_client)
{
    struct od_bytes out = {0};
    struct od_frame_decoder decoder;
    struct od_frame_message message = {0};
    size_t consumed, used = size < message_bytes_max ? size : message_bytes_max;
    uint32_t key = 0;
    memcpy(&key, data, size < sizeof key ? size : sizeof key);
    od_bytes_put_u8(&out, 'x'); // What was put before stays as it is.
    od_frame_put(&out, OD_FRAME_BINARY, false, (od_slice){(const char *)data, used});
    if (is_client)
        od_frame_mask(&out, 1, key);
    OD_ASSERT(out.at[0] == 'x');
    od_frame_decoder_init(&decoder, message_bytes_max, false);
    decoder.is_client = !is_client;
    enum od_frame_event event =
        od_frame_decode(&decoder, out.at + 1, out.size - 1, &consumed, &message);
    OD_ASSERT(event == OD_FRAME_EVENT_MESSAGE);
    OD_ASSERT(consumed == out.size - 1);
    OD_ASSERT(od_slice_equal(message.payload, (od_slice){(const char *)data, used}));
    od_frame_decoder_deinit(&decoder);
    od_bytes_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (codec == NULL)
        codec = od_deflate_new();
    uint8_t flags = fuzz_choice(&data, &size);
    size_t step = (size_t)fuzz_choice(&data, &size) + 1;
    struct od_bytes whole = {0}, pieces = {0};
    struct form form = {.may_compress = flags & 1, .is_client = flags & 4};
    decode(data, size, size > 0 ? size : 1, form, &whole);
    form.moves = flags & 2;
    decode(data, size, step, form, &pieces);
    OD_ASSERT(od_slice_equal(od_bytes_slice(&whole), od_bytes_slice(&pieces)));
    od_bytes_deinit(&whole);
    od_bytes_deinit(&pieces);
    if (size > 0)
        there_and_back(data, size, form.is_client);
    return 0;
}
