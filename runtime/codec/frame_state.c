// The state of a frame decoder as bytes, for another process: the third part of frame.h.
//
// Encoded: u32 limit, u32 message bytes, u32 left, 4 bytes mask, str head, u8 phase, u8 opcode,
// u8 message opcode, u8 utf8, u8 flags, str gathered.

#include "codec/frame.h"

#include <string.h>

#include "base/utf8.h"

enum {
    PHASE_LAST = 2, // See frame.c.
    FLAG_FINAL = 1,
    FLAG_COMPRESSED = 2,
    FLAG_MAY_COMPRESS = 4,
    FLAG_CLIENT = 8,
};

void od_frame_decoder_save(const struct od_frame_decoder *decoder, struct od_bytes *out)
{
    od_slice gathered = od_bytes_slice(&decoder->gathered);
    od_bytes_put_u32(out, decoder->message_bytes_max);
    od_bytes_put_u32(out, decoder->message_bytes);
    od_bytes_put_u32(out, decoder->left);
    od_bytes_put(out, &decoder->mask, sizeof(decoder->mask));
    od_bytes_put_string(out, (od_slice){(const char *)decoder->head, decoder->head_bytes});
    od_bytes_put_u8(out, decoder->phase);
    od_bytes_put_u8(out, decoder->opcode);
    od_bytes_put_u8(out, decoder->message_opcode);
    od_bytes_put_u8(out, decoder->utf8);
    od_bytes_put_u8(out, (uint8_t)((decoder->is_final ? FLAG_FINAL : 0) |
                                   (decoder->is_compressed ? FLAG_COMPRESSED : 0) |
                                   (decoder->may_compress ? FLAG_MAY_COMPRESS : 0) |
                                   (decoder->is_client ? FLAG_CLIENT : 0)));
    od_bytes_put_string(out, decoder->is_spent ? (od_slice){NULL, 0} : gathered);
}

// Bytes of another version of the program may be anything; what is let in cannot harm memory.
static bool is_possible(const struct od_frame_decoder *decoder, od_slice head, od_slice gathered)
{
    size_t bytes_max = (size_t)decoder->message_bytes_max + OD_FRAME_CONTROL_BYTES_MAX;
    return head.size <= sizeof(decoder->head) && decoder->phase <= PHASE_LAST &&
           decoder->utf8 < OD_UTF8_STATE_COUNT && decoder->opcode <= OD_FRAME_PONG &&
           decoder->message_opcode <= OD_FRAME_BINARY && decoder->message_bytes <= gathered.size &&
           gathered.size <= bytes_max && decoder->left <= bytes_max - gathered.size;
}

bool od_frame_decoder_restore(struct od_frame_decoder *decoder, struct od_cursor *cursor)
{
    od_frame_decoder_init(decoder, od_cursor_u32(cursor), false);
    decoder->message_bytes = od_cursor_u32(cursor);
    decoder->left = od_cursor_u32(cursor);
    od_slice mask = od_cursor_bytes(cursor, sizeof(decoder->mask));
    od_slice head = od_cursor_string(cursor);
    decoder->phase = od_cursor_u8(cursor);
    decoder->opcode = od_cursor_u8(cursor);
    decoder->message_opcode = od_cursor_u8(cursor);
    decoder->utf8 = od_cursor_u8(cursor);
    uint8_t flags = od_cursor_u8(cursor);
    od_slice gathered = od_cursor_string(cursor);
    if (cursor->failed || !is_possible(decoder, head, gathered)) {
        od_frame_decoder_init(decoder, 0, false);
        return false;
    }
    memcpy(&decoder->mask, mask.at, mask.size);
    if (head.size > 0)
        memcpy(decoder->head, head.at, head.size);
    decoder->head_bytes = (uint8_t)head.size;
    decoder->is_final = (flags & FLAG_FINAL) != 0;
    decoder->is_compressed = (flags & FLAG_COMPRESSED) != 0;
    decoder->may_compress = (flags & FLAG_MAY_COMPRESS) != 0;
    decoder->is_client = (flags & FLAG_CLIENT) != 0;
    od_bytes_put_slice(&decoder->gathered, gathered);
    return true;
}
