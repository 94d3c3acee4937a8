// Frames on their way out: the second half of frame.h.

#include "codec/frame.h"

#include <string.h>

#include "base/utf8.h"

static void put_big_endian(struct od_bytes *out, uint64_t value, int bytes)
{
    OD_ASSERT(bytes > 0);
    OD_ASSERT(bytes <= 8);
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        od_bytes_put_u8(out, (uint8_t)(value >> shift));
}

void od_frame_put_head(struct od_bytes *out, enum od_frame_opcode opcode, bool is_compressed,
                       size_t payload_bytes)
{
    OD_ASSERT(opcode < OD_FRAME_CLOSE || payload_bytes <= OD_FRAME_CONTROL_BYTES_MAX);
    OD_ASSERT(opcode < OD_FRAME_CLOSE || !is_compressed);
    od_bytes_reserve(out, OD_FRAME_HEAD_BYTES_MAX);
    od_bytes_put_u8(out, (uint8_t)(0x80 | (is_compressed ? 0x40 : 0) | opcode));
    if (payload_bytes <= 125) {
        od_bytes_put_u8(out, (uint8_t)payload_bytes);
    } else if (payload_bytes <= UINT16_MAX) {
        od_bytes_put_u8(out, 126);
        put_big_endian(out, payload_bytes, 2);
    } else {
        od_bytes_put_u8(out, 127);
        put_big_endian(out, payload_bytes, 8);
    }
}

void od_frame_put(struct od_bytes *out, enum od_frame_opcode opcode, bool is_compressed,
                  od_slice payload)
{
    od_frame_put_head(out, opcode, is_compressed, payload.size);
    od_bytes_put_slice(out, payload);
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
    put_big_endian(out, code, 2);
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
