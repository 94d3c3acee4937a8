// A whole message in one masked frame that lies in the input: what a peer sends nearly always. It
// is looked at once; everything else, and whatever is wrong with its head, is frame.c's.

#include <string.h>

#include "base/utf8.h"
#include "codec/frame.h"
#include "codec/frame_phase.h"

enum {
    FIRST_TEXT = 0x80 | OD_FRAME_TEXT, // Final, and no bit is set that would mean something.
    FIRST_BINARY = 0x80 | OD_FRAME_BINARY,
    MASKED_BIT = 0x80,
    LENGTH_16 = 126,
    MASK_BYTES = 4,
};

static bool is_between_messages(const struct od_frame_decoder *decoder)
{
    return decoder->phase == OD_FRAME_PHASE_HEAD && decoder->head_bytes == 0 &&
           decoder->message_opcode == 0 && !decoder->is_client;
}

// How long the head is, mask included; 0: of none that is dealt with here.
static size_t head_size(const unsigned char *in, size_t size)
{
    if (size < 2 + MASK_BYTES || (in[0] != FIRST_TEXT && in[0] != FIRST_BINARY))
        return 0;
    if (in[1] < (MASKED_BIT | LENGTH_16))
        return in[1] < MASKED_BIT ? 0 : 2 + MASK_BYTES;
    bool is_in_16 = in[1] == (MASKED_BIT | LENGTH_16) && size >= 4 + MASK_BYTES;
    return is_in_16 && (size_t)(in[2] << 8 | in[3]) >= LENGTH_16 ? 4 + MASK_BYTES : 0;
}

static inline uint64_t unmask_eight(char *at, uint64_t mask)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof eight);
    eight ^= mask;
    memcpy(at, &eight, sizeof eight);
    return eight;
}

typedef uint64_t sixteen_bytes __attribute__((vector_size(16)));

static inline sixteen_bytes unmask_sixteen(char *at, sixteen_bytes mask)
{
    sixteen_bytes sixteen;
    memcpy(&sixteen, at, sizeof sixteen);
    sixteen ^= mask;
    memcpy(at, &sixteen, sizeof sixteen);
    return sixteen;
}

// Whether it is all ASCII then.
static bool unmask(char *at, size_t size, const unsigned char *mask)
{
    uint32_t once;
    memcpy(&once, mask, sizeof once);
    uint64_t twice = (uint64_t)once << 32 | once;
    sixteen_bytes often = {twice, twice}, all = {0};
    size_t i = 0;
    for (; i + 2 * sizeof often <= size; i += 2 * sizeof often)
        all |= unmask_sixteen(at + i, often) | unmask_sixteen(at + i + sizeof often, often);
    for (; i + sizeof twice <= size; i += sizeof twice)
        all[0] |= unmask_eight(at + i, twice);
    for (; i < size; i++) {
        at[i] = (char)((unsigned char)at[i] ^ mask[i % MASK_BYTES]);
        all[0] |= (unsigned char)at[i];
    }
    return ((all[0] | all[1]) & 0x8080808080808080u) == 0;
}

bool od_frame_whole(const struct od_frame_decoder *decoder, char *in, size_t size, size_t *consumed,
                    struct od_frame_message *message)
{
    const unsigned char *bytes = (const unsigned char *)in;
    size_t head = is_between_messages(decoder) ? head_size(bytes, size) : 0;
    if (head == 0)
        return false;
    size_t length =
        head == 2 + MASK_BYTES ? bytes[1] - (size_t)MASKED_BIT : (size_t)(bytes[2] << 8 | bytes[3]);
    if (length > size - head || length > decoder->message_bytes_max)
        return false;
    bool is_ascii = unmask(in + head, length, bytes + head - MASK_BYTES);
    *consumed = head + length;
    *message = (struct od_frame_message){.payload = {in + head, length},
                                         .is_text = bytes[0] == FIRST_TEXT};
    if (message->is_text && !is_ascii && !od_utf8_is_valid(message->payload))
        message->code = OD_FRAME_CODE_NOT_UTF8;
    return true;
}
