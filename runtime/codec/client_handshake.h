// The opening handshake of a WebSocket from the other side (RFC 6455, section 4.1): what we ask as
// a client, and whether the answer makes the connection one.
//
// Strict, as nothing else than a 101 of just this request may be taken for one: the answer's proof,
// the subprotocol and the extension must be what was asked for. Compression is offered without
// context takeover (deflate.h), which a server that takes the offer has to keep; another one is
// refused, as its messages could not be read.
//
// Thread: any. Owner: no memory of its own.

#ifndef OD_CODEC_CLIENT_HANDSHAKE_H
#define OD_CODEC_CLIENT_HANDSHAKE_H

#include "base/error.h"
#include "codec/handshake.h"
#include "codec/url.h"
#include "link/headers.h"

#define OD_CLIENT_HANDSHAKE_BYTES_MAX 16384 // Of the head of an answer.

struct od_client_handshake {
    char key[OD_HANDSHAKE_KEY_BYTES];
    od_slice protocols; // As one comma list; empty: none are asked for. The caller's.
};

// [chance] is what the key is made of.
void od_client_handshake_begin(struct od_client_handshake *handshake, const uint8_t chance[16],
                               od_slice protocols);

// Whether a field of that name is the handshake's own, so that nobody else can set it.
bool od_client_handshake_sets(od_slice name);

// Appends the request for [url]; of [headers] all that it does not set itself.
void od_client_handshake_put(const struct od_client_handshake *handshake, const struct od_url *url,
                             struct od_headers headers, struct od_bytes *out);

struct od_client_handshake_answer {
    size_t bytes;        // Of the head; behind it come frames.
    od_slice protocol;   // That was chosen, in the answer; empty: none.
    uint8_t window_bits; // Of permessage-deflate; 0: not agreed on.
};

// [bytes] is all that has come. On OD_HTTP_BAD the text says what was wrong.
OD_MUST_CHECK enum od_http_outcome od_client_handshake_read(
    const struct od_client_handshake *handshake, od_slice bytes,
    struct od_client_handshake_answer *answer, struct od_error *err);

#endif
