#include "frame.h"

#include <string.h>

static const uint8_t client_key[4] = {0x5b, 0xa6, 0x3c, 0xd1};

// Eight bytes a step: the compiler does not prove by itself that the key repeats.
static void mask(uint8_t *data, size_t length, const uint8_t key[4])
{
    uint64_t wide_key;
    memcpy(&wide_key, key, 4);
    memcpy((uint8_t *)&wide_key + 4, key, 4);
    size_t done = 0;
    for (; length - done >= 8; done += 8) {
        uint64_t word;
        memcpy(&word, data + done, 8);
        word ^= wide_key;
        memcpy(data + done, &word, 8);
    }
    for (; done < length; done++)
        data[done] ^= key[done % 4];
}

// How many bytes say the length, behind the first two.
static size_t extended_bytes(uint8_t second)
{
    unsigned code = second & 0x7fu;
    return code == 126 ? 2 : code == 127 ? 8 : 0;
}

static uint64_t payload_length(const uint8_t *data)
{
    size_t count = extended_bytes(data[1]);
    if (count == 0)
        return data[1] & 0x7fu;
    uint64_t length = 0;
    for (size_t i = 0; i < count; i++)
        length = length << 8 | data[2 + i];
    return length;
}

enum frame_outcome frame_read(uint8_t *data, size_t length, struct frame *frame)
{
    if (length < 2)
        return FRAME_PARTIAL;
    bool masked = data[1] & 0x80u;
    size_t key_at = 2 + extended_bytes(data[1]);
    size_t head = key_at + (masked ? 4 : 0);
    if (length < head)
        return FRAME_PARTIAL;
    uint64_t payload = payload_length(data);
    if (payload > FRAME_BYTES_MAX)
        return FRAME_BAD;
    if (length - head < payload)
        return FRAME_PARTIAL;
    *frame = (struct frame){.final = data[0] & 0x80u,
                            .opcode = data[0] & 0x0fu,
                            .payload = data + head,
                            .length = (size_t)payload,
                            .wire_length = head + (size_t)payload};
    if (masked)
        mask(frame->payload, frame->length, data + key_at);
    return FRAME_WHOLE;
}

static void append_length(struct bytes *out, size_t length, uint8_t mask_bit)
{
    size_t count = length < 126 ? 0 : length < 65536 ? 2 : 8;
    size_t code = count == 0 ? length : count == 2 ? 126 : 127;
    uint8_t head[9] = {(uint8_t)(mask_bit | code)};
    for (size_t i = 0; i < count; i++)
        head[1 + i] = (uint8_t)((uint64_t)length >> (8 * (count - 1 - i)));
    bytes_append(out, head, 1 + count);
}

void frame_append(struct bytes *out, unsigned opcode, const void *payload, size_t length,
                  bool masked)
{
    uint8_t first = (uint8_t)(0x80u | opcode);
    bytes_append(out, &first, 1);
    append_length(out, length, masked ? 0x80 : 0);
    if (masked)
        bytes_append(out, client_key, sizeof client_key);
    bytes_append(out, payload, length);
    if (masked && length > 0)
        mask(out->data + out->length - length, length, client_key);
}
