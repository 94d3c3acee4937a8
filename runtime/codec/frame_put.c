// Frames on their way out: the second half of frame.h.

#include "codec/frame.h"

#include <string.h>

#include "base/utf8.h"

static void set_big_endian(unsigned char *at, uint64_t value, size_t bytes)
{
    OD_ASSERT(bytes > 0);
    OD_ASSERT(bytes <= 8);
    for (size_t i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> 8 * (bytes - 1 - i));
}

// The length of a payload of more than 125 bytes; returns how long the head is.
static __attribute__((noinline)) size_t set_length(unsigned char *head, size_t payload_bytes)
{
    bool is_in_16 = payload_bytes <= UINT16_MAX;
    head[1] = is_in_16 ? 126 : 127;
    set_big_endian(head + 2, payload_bytes, is_in_16 ? 2 : 8);
    return is_in_16 ? 4 : 10;
}

// Returns how long the head is.
static inline size_t set_head(char *at, enum od_frame_opcode opcode, bool is_compressed,
                              size_t payload_bytes)
{
    OD_ASSERT(opcode < OD_FRAME_CLOSE || payload_bytes <= OD_FRAME_CONTROL_BYTES_MAX);
    OD_ASSERT(opcode < OD_FRAME_CLOSE || !is_compressed);
    unsigned char *head = (unsigned char *)at;
    head[0] = (unsigned char)(0x80 | (is_compressed ? 0x40 : 0) | opcode);
    if (payload_bytes > 125)
        return set_length(head, payload_bytes);
    head[1] = (unsigned char)payload_bytes;
    return 2;
}

void od_frame_put_head(struct od_bytes *out, enum od_frame_opcode opcode, bool is_compressed,
                       size_t payload_bytes)
{
    char *at = od_bytes_reserve(out, OD_FRAME_HEAD_BYTES_MAX);
    out->size += set_head(at, opcode, is_compressed, payload_bytes);
}

void od_frame_put(struct od_bytes *out, enum od_frame_opcode opcode, bool is_compressed,
                  od_slice payload)
{
    char *at = od_bytes_reserve(out, OD_FRAME_HEAD_BYTES_MAX + payload.size);
    size_t head = set_head(at, opcode, is_compressed, payload.size);
    if (payload.size > 0)
        memcpy(at + head, payload.at, payload.size);
    out->size += head + payload.size;
}

bool od_frame_code_is_valid(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

void od_frame_put_close(struct od_bytes *out, uint16_t code, od_slice reason)
{
    if (code == 0 || code == OD_FRAME_CODE_NONE) {
        od_frame_put_head(out, OD_FRAME_CLOSE, false, 0);
        return;
    }
    OD_ASSERT(od_frame_code_is_valid(code));
    bool is_text = od_utf8_is_valid(reason);
    size_t size = is_text ? od_utf8_cut(reason, OD_FRAME_REASON_BYTES_MAX) : 0;
    od_frame_put_head(out, OD_FRAME_CLOSE, false, 2 + size);
    od_bytes_put_u8(out, (uint8_t)(code >> 8));
    od_bytes_put_u8(out, (uint8_t)code);
    od_bytes_put(out, reason.at, size);
}

enum {
    MASKED_BIT = 0x80,
    MASK_BYTES = 4,
};

static size_t head_bytes(uint8_t second)
{
    return second < 126 ? 2 : second == 126 ? 4 : 10;
}

void od_frame_mask(struct od_bytes *out, size_t mark, uint32_t key)
{
    od_bytes_reserve(out, MASK_BYTES);
    char *frame = out->at + mark;
    size_t head = head_bytes((uint8_t)frame[1]);
    size_t payload = out->size - mark - head;
    memmove(frame + head + MASK_BYTES, frame + head, payload);
    frame[1] = (char)((uint8_t)frame[1] | MASKED_BIT);
    memcpy(frame + head, &key, MASK_BYTES);
    od_frame_unmask(frame + head + MASK_BYTES, payload, key);
    out->size += MASK_BYTES;
}
