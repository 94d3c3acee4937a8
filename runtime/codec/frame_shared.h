// One message for many WebSockets, framed once: what broadcast sends.
//
// The plain frame is made at once, the compressed one when the first socket wants it; since no
// context is taken over, both are the same for every socket. A wire that has nothing else to send
// holds a reference instead of a copy.
//
// Process: worker. Owner: counted; od_frame_shared_new gives one reference, od_frame_shared_drop
// takes it back. The bytes never change.

#ifndef OD_CODEC_FRAME_SHARED_H
#define OD_CODEC_FRAME_SHARED_H

#include "base/bytes.h"
#include "codec/deflate.h"

struct od_frame_shared {
    size_t references;
    size_t gated; // References of effects that wait in the outbox of their object; its to count.
    bool is_binary;
    bool is_compressed_made;
    struct od_bytes plain;
    struct od_bytes compressed; // Empty when compressing does not pay.
    size_t payload_offset;      // In [plain].
};

struct od_frame_shared *od_frame_shared_new(od_slice payload, bool is_binary);
// For event streams: [frame] is as it is sent.
struct od_frame_shared *od_frame_shared_of_events(od_slice frame);
struct od_frame_shared *od_frame_shared_keep(struct od_frame_shared *frame); // One more reference.
void od_frame_shared_drop(struct od_frame_shared *frame);                    // NULL is allowed.

// The frame as a socket wants it that compresses with [window_bits] (0: not at all; see deflate.h).
od_slice od_frame_shared_bytes(struct od_frame_shared *frame, struct od_deflate *deflate,
                               uint8_t window_bits);

#endif
