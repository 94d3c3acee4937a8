// The header of the PROXY protocol, version 2: before the first byte of a connection a proxy says
// for whom it connects, and whether that one speaks TLS. Pure: bytes in, an answer out.
//
// Only from trusted proxies: whoever may send it may claim to be anybody. A proxy that does not
// send it is well too: what does not begin like one is a request.
//
// The process in which TLS ends (tls/) begins its connections with one, too.
//
// Source: haproxy.org, doc/proxy-protocol.txt, section 2.2.

#ifndef OD_CODEC_PROXY_HEADER_H
#define OD_CODEC_PROXY_HEADER_H

#include <netinet/in.h>

#include "base/bytes.h"
#include "codec/http_syntax.h"

#define OD_PROXY_HEADER_BYTES_MAX 4096 // With all that a proxy adds to it.

struct od_proxy_header {
    size_t bytes;     // Of the header, which are to be passed over; 0: there is none.
    bool has_address; // Not when the proxy speaks for itself, to see if we are well.
    struct in6_addr address;
    od_slice tls_version;       // "TLSv1.3"; empty: the client speaks no TLS.
    od_slice server_name;       // That it asked for by TLS; may be empty.
    struct od_http_fault fault; // After OD_HTTP_BAD.
};

// [all] is everything from the first byte of the connection on. OD_HTTP_DONE also when there is
// none.
OD_MUST_CHECK enum od_http_outcome od_proxy_header_parse(struct od_proxy_header *header,
                                                         od_slice all);

// One of a client that speaks TLS; of its address nothing is told.
void od_proxy_header_put_tls(struct od_bytes *out, od_slice tls_version, od_slice server_name);

#endif
