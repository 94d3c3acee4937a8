// The head of an HTTP/1.1 request (RFC 9112), read strictly.
//
// The bytes of a head lie in a buffer of the caller that grows from the front of the request on;
// each time something was added, od_http_head_parse is called with all of it. Every line is looked
// at once, however the bytes arrive, and a wrong line is refused as soon as it is whole, so that a
// client that talks nonsense need not be waited for. The same bytes give the same result in any
// pieces.
//
// Strict means: what two servers could read in two ways is refused. Line ends are CR LF; there is
// no folding, no space before a colon, no second Host; a body has exactly one length. One empty
// line in front of a request is passed over, for old clients that send one after a body.
//
//   od_http_head_init(&head);
//   ... read more into the buffer ...
//   switch (od_http_head_parse(&head, buffer.at, buffer.size)) {
//   case OD_HTTP_MORE: wait (the caller has a deadline);
//   case OD_HTTP_DONE: use head; what follows begins at buffer.at + head.bytes;
//   case OD_HTTP_BAD:  answer head.fault and close;
//   }
//
// Owner: no memory of its own. Slices point into the buffer of the call that returned OD_HTTP_DONE
// (or to static text) and live as long as the buffer stays where it is.

#ifndef OD_CODEC_HTTP_HEAD_H
#define OD_CODEC_HTTP_HEAD_H

#include "base/bytes.h"
#include "codec/http_syntax.h"
#include "link/headers.h"

enum {
    OD_HTTP_HEAD_BYTES_MAX = 16384,        // All of it, with the empty line at its end; else 431.
    OD_HTTP_REQUEST_LINE_BYTES_MAX = 8192, // Else 414.
    OD_HTTP_HEADER_COUNT_MAX = 100,        // Else 431.
};

struct od_http_head {
    // While it is being read: places in the buffer, which may move between calls.
    uint32_t line;         // Where the line that is being read begins.
    uint32_t searched;     // Up to here it was searched for its end.
    uint32_t request_line; // Where the request line begins: 0, or 2 behind an empty line.
    uint32_t fields;       // Where the first header begins; 0: the request line is not whole.
    uint32_t header_count;

    // After OD_HTTP_BAD.
    struct od_http_fault fault;

    // After OD_HTTP_DONE.
    uint32_t bytes;          // Of the head; the body begins behind them.
    uint8_t version_minor;   // HTTP/1.0 or HTTP/1.1.
    bool is_chunked;         // The body comes in chunks; otherwise it has [content_length] bytes.
    bool keeps_alive;        // The client would send another request on this connection.
    bool expects_continue;   // It waits for "100 Continue" before it sends the body.
    bool wants_websocket;    // GET, 1.1, Connection has "upgrade" and Upgrade has "websocket".
    bool has_origin;         // It is a browser.
    bool is_https;           // Of the url. To be set by who knows: the proxy in front says so.
    uint64_t content_length; // 0 when none was said.
    od_slice method;         // As sent: methods are case-sensitive.
    od_slice target;         // "/path?query" as sent, not decoded; "*" only for OPTIONS.
    od_slice tls;            // As of a request (link/request.h); to be set likewise.
    od_slice host;           // With port, if one was sent; empty only for HTTP/1.0.
    od_slice origin;         // The first that was sent, if [has_origin].
    od_slice headers;        // The raw lines, for od_http_headers_next.
};

struct od_head_lines {     // Of a whole head of which each line is well-formed; zeros: of none.
    uint32_t request_line; // Where it begins.
    uint32_t fields;       // Where the first header begins;
    uint32_t count;        // so many there are,
    uint32_t end;          // and here is the empty line behind them.
};

void od_http_head_init(struct od_http_head *head); // Also for the next request of a connection.

// [at, size) is everything from the first byte of the request on. Not to be called again after
// OD_HTTP_DONE or OD_HTTP_BAD before od_http_head_init.
OD_MUST_CHECK enum od_http_outcome od_http_head_parse(struct od_http_head *head, const char *at,
                                                      size_t size);

// Where the lines of [head] stand, after OD_HTTP_DONE. Who has the same bytes and begins with them
// (after od_http_head_init) parses only what they mean together.
struct od_head_lines od_http_head_lines(const struct od_http_head *head);
void od_http_head_take_lines(struct od_http_head *head, const struct od_head_lines *lines);

// Walks the headers in the order received: names as sent, values trimmed. [rest] starts as
// head->headers and is moved. False at the end.
bool od_http_headers_next(od_slice *rest, struct od_header *header);

// Appends the request as a message (link/request.h): names in lower case, url
// "http://host/path?query" or https ("localhost" where an HTTP/1.0 client named no host).
// Transfer-Encoding and Expect are dealt with here and left out; Host is the host of the url.
void od_http_head_put_request(const struct od_http_head *head, od_slice peer, od_slice body,
                              struct od_bytes *out);

#endif
