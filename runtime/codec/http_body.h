// The body of an HTTP/1.1 request, as it arrives: counted by Content-Length or cut into chunks.
//
// The decoder takes bytes in any pieces and appends what they say to a buffer of the caller. It
// takes no byte behind the end of the body: those belong to the next request. A body that is, or
// says it will be, larger than the caller allows is refused with 413 before its bytes are stored.
//
// Chunks are read strictly. Extensions of a chunk and trailers are passed over within bounds:
// nothing in this program wants them, and a trailer must never be taken for a header.
//
// Owner: no memory of its own; plain bytes, may be copied.

#ifndef OD_CODEC_HTTP_BODY_H
#define OD_CODEC_HTTP_BODY_H

#include "codec/http_head.h"

enum {
    OD_HTTP_CHUNK_LINE_BYTES_MAX = 256, // Size and extensions of one chunk; else 400.
    OD_HTTP_TRAILER_BYTES_MAX = 4096,   // All trailers together; else 431.
};

struct od_http_body {
    uint64_t left;              // Bytes still to come of the content or of this chunk.
    uint64_t size;              // Bytes of the body so far, decoded.
    uint64_t bytes_max;         // More than this is 413.
    uint32_t line_bytes;        // Of the line that is being read (of all trailers: their sum).
    uint8_t digits;             // Of the chunk size so far.
    uint8_t state;              // See http_body.c.
    bool is_line_empty;         // Of a trailer,
    bool has_name;              // and whether its colon has come.
    struct od_http_fault fault; // After OD_HTTP_BAD.
};

// For the body that [head] announces. [bytes_max] is the largest that is taken.
void od_http_body_init(struct od_http_body *body, const struct od_http_head *head,
                       size_t bytes_max);

// Takes bytes from [in], says in [consumed] how many, and appends the decoded ones to [out].
// OD_HTTP_MORE: all of [in] was taken. OD_HTTP_DONE: the body is whole, what is left of [in] is
// the next request; a request without body is done at once. It may be called with an empty [in],
// which tells before "100 Continue" is sent whether the announced size is too large.
OD_MUST_CHECK enum od_http_outcome od_http_body_decode(struct od_http_body *body, od_slice in,
                                                       size_t *consumed, struct od_bytes *out);

#endif
