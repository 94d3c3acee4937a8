// Compression of WebSocket messages (RFC 7692, permessage-deflate), on zlib.
//
// The usual way keeps a compressor and a decompressor for every connection, so that a message can
// refer to the ones before: 100 to 300 kB each, for as long as the connection lives. We never take
// that offer. The handshake always says server_no_context_takeover and client_no_context_takeover;
// every message stands alone, one compressor and one decompressor serve the whole process, an idle
// connection costs nothing, and a broadcast is compressed once for all who hear it.
//
// A client may ask for a smaller window (server_max_window_bits). A message that stands alone and
// is no longer than that window cannot refer further back; longer ones are sent to such a client
// as they are.
//
// Thread: one od_deflate for each thread; no call keeps anything from the one before.

#ifndef OD_CODEC_DEFLATE_H
#define OD_CODEC_DEFLATE_H

#include "base/bytes.h"
#include "base/check.h"

enum {
    OD_DEFLATE_BYTES_MIN = 1024,    // Shorter messages gain less than the work costs.
    OD_DEFLATE_BYTES_MAX = 1 << 20, // The work of longer ones is more than others should wait for.
    OD_DEFLATE_WINDOW_BITS_MIN = 8, // Of the values that may be negotiated.
    OD_DEFLATE_WINDOW_BITS_MAX = 15,
};

struct od_deflate; // About 350 kB, once.

struct od_deflate *od_deflate_new(void);
void od_deflate_free(struct od_deflate *codec);

// Whether a message of [size] bytes is to be compressed for a connection with [window_bits] (0:
// never).
bool od_deflate_is_worth_it(size_t size, uint8_t window_bits);

// Appends [message] compressed, ready as the payload of a frame with is_compressed.
void od_deflate_message(struct od_deflate *codec, od_slice message, struct od_bytes *out);

enum od_inflate_outcome {
    OD_INFLATE_DONE,
    OD_INFLATE_MORE,    // Of a message in pieces: there is another piece.
    OD_INFLATE_TOO_BIG, // More than [bytes_max]: close code 1009.
    OD_INFLATE_CORRUPT, // Not what a compressor made: close code 1007.
};

// Appends what the [payload] of a compressed message says, at most [bytes_max] bytes. [out] is as
// it was unless the outcome is OD_INFLATE_DONE.
OD_MUST_CHECK enum od_inflate_outcome od_inflate_message(struct od_deflate *codec, od_slice payload,
                                                         size_t bytes_max, struct od_bytes *out);

// The same in pieces, for a message that is too much work to be done at once: how large it is
// nobody knows before, and a payload may also be long and say nothing. The [payload] stays where it
// is until the end.
struct od_inflater; // 40 kB.

struct od_inflater *od_inflater_new(od_slice payload, size_t bytes_max);
void od_inflater_free(struct od_inflater *inflater); // NULL is allowed.

// Appends the next piece: about [piece_bytes] of payload are read or of message written. Returns
// OD_INFLATE_MORE until the last; after another outcome it is not called again.
OD_MUST_CHECK enum od_inflate_outcome od_inflater_go_on(struct od_inflater *inflater,
                                                        size_t piece_bytes, struct od_bytes *out);

#endif
