// An HTTP request as a message: what the door reads, an object handles and a link carries alike.
//
// Encoded: str method, str url, str peer, str tls, u32 worker, u64 stream, headers
// (link/headers.h), str body.

#ifndef OD_LINK_REQUEST_H
#define OD_LINK_REQUEST_H

#include "link/headers.h"

struct od_request {
    od_slice method; // As sent: methods are case-sensitive.
    od_slice url;    // Absolute: "http://host/path?query"; the path as sent, not decoded.
    od_slice peer;   // Address of the client, without port; empty when an object made the request.
    od_slice tls; // "TLSv1.3 example.org": the version, and behind a blank the name that the client
                  // asked for (SNI), which may be empty. Empty: no TLS, as far as we know.
    uint32_t worker; // The body comes piece by piece: where,
    uint64_t stream; // and as what (object/stream.h); 0: it is here.
    struct od_headers headers;
    od_slice body; // Whole; transfer codings are undone.
};

// Writes what stands before the headers; returns a mark. Then od_headers_put for each, then end.
// [url] are the [parts] it consists of.
size_t od_request_begin(struct od_bytes *bytes, od_slice method, const od_slice *url, size_t parts,
                        od_slice peer, od_slice tls);
void od_request_end(struct od_bytes *bytes, size_t mark, uint32_t header_count, od_slice body);

// [message] is a whole one; its body, which is empty, comes as that stream.
void od_request_set_stream(struct od_bytes *message, uint32_t worker, uint64_t stream);

// Slices into [message]; false when it is not a request.
OD_MUST_CHECK bool od_request_read(od_slice message, struct od_request *request);

od_slice od_request_url(od_slice message); // Of one that is whole.

// The path and query of [url]: "/path?query", or "/" when there is none.
od_slice od_request_target(od_slice url);

#endif
