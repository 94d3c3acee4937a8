// Frames of a client: in pieces, and with the state saved and restored between any two, the same
// events come as from all in one.

#include "fuzz.h"

#include "net/deflate.h"
#include "net/frame.h"
#include "net/utf8.h"

enum {
    message_bytes_max = 5000
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

static void save_and_restore(struct od_frame_decoder *decoder)
{
    struct od_bytes saved = {0};
    od_frame_decoder_save(decoder, &saved);
    od_frame_decoder_deinit(decoder);
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&saved));
    bool restored = od_frame_decoder_restore(decoder, &cursor);
    OD_ASSERT(restored);
    od_bytes_deinit(&saved);
}

static void decode(const uint8_t *data, size_t size, size_t step, bool may_compress, bool moves,
                   struct od_bytes *story)
{
    struct od_frame_decoder decoder;
    struct od_frame_message message = {0};
    od_frame_decoder_init(&decoder, message_bytes_max, may_compress);
    for (size_t at = 0; at < size; at += step) {
        size_t count = size - at < step ? size - at : step, done = 0, consumed;
        char *copy = fuzz_copy(data + at, count);
        enum od_frame_event event;
        do {
            event = od_frame_decode(&decoder, copy + done, count - done, &consumed, &message);
            done += consumed;
            OD_ASSERT(done <= count);
            note(event, &message, story);
        } while (event != OD_FRAME_EVENT_MORE);
        OD_ASSERT(done == count);
        free(copy);
        if (moves)
            save_and_restore(&decoder);
    }
    od_frame_decoder_deinit(&decoder);
}

// What claims to be a saved state may be anything.
static void restore_nonsense(const uint8_t *data, size_t size)
{
    struct od_frame_decoder decoder;
    char *copy = fuzz_copy(data, size);
    struct od_cursor cursor = od_cursor_of((od_slice){copy, size});
    if (od_frame_decoder_restore(&decoder, &cursor))
        od_frame_decoder_deinit(&decoder);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (codec == NULL)
        codec = od_deflate_new();
    restore_nonsense(data, size);
    uint8_t flags = fuzz_choice(&data, &size);
    size_t step = (size_t)fuzz_choice(&data, &size) + 1;
    struct od_bytes whole = {0}, pieces = {0};
    decode(data, size, size > 0 ? size : 1, flags & 1, false, &whole);
    decode(data, size, step, flags & 1, flags & 2, &pieces);
    OD_ASSERT(od_slice_equal(od_bytes_slice(&whole), od_bytes_slice(&pieces)));
    od_bytes_deinit(&whole);
    od_bytes_deinit(&pieces);
    return 0;
}
