// One WebSocket frame (RFC 6455, section 5.2), read from and written to plain bytes.
//
// Both programs of this folder use it: the load side writes masked frames and reads plain ones, the
// bare server the other way round. It is not the codec of open-do, so that neither the program
// under test nor the yardstick can hide a mistake of the other.
#ifndef BENCH_FRAME_H
#define BENCH_FRAME_H

#include "bytes.h"

#include <stdbool.h>

enum frame_opcode {
    FRAME_CONTINUATION = 0,
    FRAME_TEXT = 1,
    FRAME_BINARY = 2,
    FRAME_CLOSE = 8,
    FRAME_PING = 9,
    FRAME_PONG = 10,
};

enum frame_outcome {
    FRAME_WHOLE,
    FRAME_PARTIAL,
    FRAME_BAD
};

struct frame {
    bool final;
    unsigned opcode;
    uint8_t *payload; // Points into the bytes that were read, already unmasked.
    size_t length;
    size_t wire_length; // Head and payload: how far the next frame is.
};

// The largest payload either program takes.
#define FRAME_BYTES_MAX ((size_t)16 << 20)

// Reads the frame that [data] begins with. Unmasks it in place, so a whole frame is read only once.
enum frame_outcome frame_read(uint8_t *data, size_t length, struct frame *frame);

// Appends a final frame. [masked] is for clients; the key is fixed: it costs the server the same.
void frame_append(struct bytes *out, unsigned opcode, const void *payload, size_t length,
                  bool masked);

#endif
