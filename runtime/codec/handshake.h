// The opening handshake of a WebSocket (RFC 6455, section 4): what the client asked, what we
// answer.
//
// Reading and answering are apart, because in between the request goes to an object, whose handler
// decides; that may take seconds and many turns. So what the answer needs is taken out of the head
// when it is read, and the head may go.
//
// A handler decides by a response with status 101, and may choose one of the subprotocols that the
// client offered by a Sec-WebSocket-Protocol header of that response. Compression is negotiated
// here, always without context takeover (see deflate.h), and no header of the script has a say in
// it.
//
// Owner: the struct may own the list of offered subprotocols (mostly there is none): deinit.

#ifndef OD_CODEC_HANDSHAKE_H
#define OD_CODEC_HANDSHAKE_H

#include "codec/http_answer.h"
#include "codec/offer.h"

enum {
    OD_HANDSHAKE_KEY_BYTES = 24, // 16 bytes in base64.
    OD_HANDSHAKE_ACCEPT_BYTES = 28,
};

struct od_handshake {
    char accept[OD_HANDSHAKE_ACCEPT_BYTES]; // The proof that we read the key; not zero-terminated.
    struct od_offer offer;     // Its [window_bits] go to deflate.h; 0 means no compression.
    struct od_bytes protocols; // The subprotocols offered, as one comma list.
};

// Reads the handshake of a head that has [wants_websocket]. False: [fault] is to be answered (400,
// or 426 for a version that is not 13), and nothing is left to free. To have no compression, set
// offer.window_bits to 0 afterwards.
OD_MUST_CHECK bool od_handshake_read(struct od_handshake *handshake,
                                     const struct od_http_head *head, struct od_http_fault *fault);
void od_handshake_deinit(struct od_handshake *handshake);

// Appends the answer that makes the connection a WebSocket, with the headers of [response], whose
// status is 101. False: one of them cannot be sent, or the subprotocol is not one of those
// offered; the caller answers 500.
OD_MUST_CHECK bool od_handshake_put_answer(struct od_bytes *out,
                                           const struct od_handshake *handshake,
                                           const struct od_response *response, od_time_ms now_ms,
                                           struct od_error *err);

// What whoever has read [key], of OD_HANDSHAKE_KEY_BYTES, answers: base64 of SHA-1 of the key with
// a fixed text behind it.
void od_handshake_prove(od_slice key, char accept[OD_HANDSHAKE_ACCEPT_BYTES]);

#endif
