// Responses on their way out: from what an object answered to the bytes of HTTP/1.1.
//
// What a script put into a response is checked here and nowhere later: a name is a token and a
// value has no line end, so no value can become a second header or a second response. A response
// that fails the check is not sent; the caller logs the error, which names the header, and answers
// 500 instead.
//
// How long a body is and when a connection ends is ours to say. Content-Length is computed, and
// the script's own Content-Length, Transfer-Encoding, Connection, Keep-Alive, Proxy-Connection,
// Upgrade, Trailer and Date are dropped silently: handlers pass on the headers of other responses,
// and those have them.
//
// Owner: appends to the caller's buffer, which on false is as it was.

#ifndef OD_CODEC_HTTP_ANSWER_H
#define OD_CODEC_HTTP_ANSWER_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "codec/http_head.h"
#include "link/response.h"

// What of a request its answer depends on, kept when the head is long gone.
struct od_http_manner {
    bool is_head;          // HEAD: the length is told, the body is not sent.
    bool keeps_alive;      // What we shall do: false writes "Connection: close".
    uint8_t version_minor; // 0 has to be told "Connection: keep-alive".
};

struct od_http_manner od_http_manner_of(const struct od_http_head *head);

// A whole response but 101 (see handshake.h). [now_ms] is wall time, for the Date header. False:
// the status is not between 200 and 599, or a header cannot be sent.
OD_MUST_CHECK bool od_http_answer_put(struct od_bytes *out, const struct od_response *response,
                                      struct od_http_manner manner, od_time_ms now_ms,
                                      struct od_error *err);

// The same for a body that comes in pieces. How its end is known is decided here: by the script's
// own Content-Length, which counts now, by chunks, or, for HTTP/1.0, by the end of the connection.
// So a body that ends early can always be told from a whole one, if the connection is ended without
// [od_http_pieces_put_end]: the third kind needs a reset for that.
enum od_http_framing {
    OD_HTTP_NO_BODY, // HEAD, and statuses that have none.
    OD_HTTP_COUNTED,
    OD_HTTP_CHUNKED,
    OD_HTTP_TO_THE_END, // The connection must be closed behind it.
};

struct od_http_pieces {
    enum od_http_framing framing;
    uint64_t left; // COUNTED.
};

OD_MUST_CHECK bool od_http_pieces_begin(struct od_http_pieces *pieces, struct od_bytes *out,
                                        const struct od_response *response,
                                        struct od_http_manner manner, od_time_ms now_ms,
                                        struct od_error *err);
// False, and nothing is put: it is more than Content-Length says. An empty piece is none.
OD_MUST_CHECK bool od_http_pieces_put(struct od_http_pieces *pieces, struct od_bytes *out,
                                      od_slice piece);
// False: it is less.
OD_MUST_CHECK bool od_http_pieces_put_end(const struct od_http_pieces *pieces,
                                          struct od_bytes *out);

// The length that a response's own header says; false: there is none, or it is no number.
OD_MUST_CHECK bool od_http_length_of(struct od_headers headers, uint64_t *length);

// A short text instead of what a client wanted, with the headers that [status] asks for (426: the
// version of WebSocket that we speak; 503: when to come again). Closes the connection when [manner]
// says so: after a head or body that was bad it must, for nobody knows where the next request would
// begin.
void od_http_answer_put_fault(struct od_bytes *out, struct od_http_fault fault,
                              struct od_http_manner manner, od_time_ms now_ms);

// "Sun, 06 Nov 1994 08:49:37 GMT"; [size] of 30 or more.
void od_http_put_date(char *text, size_t size, od_time_ms time_ms);

void od_http_answer_put_continue(struct od_bytes *out); // "HTTP/1.1 100 Continue"

// For the two heads of this program, here and in handshake.c: status line and Date, then the
// headers of a script but those in [dropped], a list of names that ends with an empty one.
void od_http_answer_put_status(struct od_bytes *out, uint16_t status, od_time_ms now_ms);
OD_MUST_CHECK bool od_http_answer_put_headers(struct od_bytes *out, struct od_headers headers,
                                              const od_slice dropped[], struct od_error *err);

#endif
