// Requests that go out: HTTP as a client, on libcurl's multi interface.
//
// A fetch is named by a number of its caller's. What comes of it, a whole response or a sentence
// that says why there is none, is the event `fetched` (events.h), exactly once, and never before
// od_fetch_start has returned; unless the fetch is cancelled first.
//
// libcurl speaks HTTP/1.1 and HTTP/2, TLS, gzip, brotli and looks names up in a thread, so nothing
// here waits. It is told of ready descriptors by the loop (uv_poll) and of time by a deadline of
// the loop; it keeps the connections for the next request. Redirects are followed here and not by
// libcurl, which would go on with a method of its caller's where the standard says GET.
//
// The body of an answer comes with it, or in pieces behind it: then the event `fetched` has only
// the head, as soon as that is there, and the fetch goes on until `stream_ended`. Of what its
// pieces hold OD_FETCH_WINDOW_BYTES may be untaken; there is no limit on the whole.
//
// What a caller cannot do, however it asks: speak another protocol than http and https, also after
// a redirect; set header fields that belong to the connection (Host, Content-Length,
// Transfer-Encoding, what Connection names ...: they are left out, so that a request that came in
// can be sent on); take its credentials to another origin by a redirect. With [private_denied] no
// connection is made to an address of the inside (address_scope.h); the address is looked at when
// the connection is made, so no trick with names helps.
//
// Certificates are checked against the system's, or those of the file or folder that SSL_CERT_FILE
// or SSL_CERT_DIR name, as OpenSSL's own programs do. Proxies of the environment are not asked.
//
// Only the files fetch*.c know libcurl. Nothing of it is begun before the first fetch.
//
// Process: worker. Owner: struct od_net.

#ifndef OD_NET_FETCH_H
#define OD_NET_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define OD_FETCH_RESPONSE_BYTES_MAX (32u << 20) // Decoded body. Fits into a message.
#define OD_FETCH_WINDOW_BYTES (128u << 10)      // Of a body in pieces: told and not taken.
#define OD_FETCH_FIELDS_BYTES_MAX (128u << 10)  // The head of a response.
#define OD_FETCH_WORKER_BYTES_MAX (256u << 20)  // Bodies of all responses of a worker that arrive.
#define OD_FETCH_REDIRECTS_MAX 20               // [Fetch standard]
#define OD_FETCH_URL_BYTES_MAX 16384
#define OD_FETCH_HOPS_BYTES_MAX 1024     // Of names in Connection, which are left out.
#define OD_FETCH_SHOWN_BYTES_MAX 300     // Of a URL, in an error.
#define OD_FETCH_IDLE_CONNECTIONS_MAX 64 // Kept open for the next request.

struct od_fetches;
struct od_net;

enum od_fetch_redirect {
    OD_FETCH_FOLLOW,
    OD_FETCH_ERROR,  // A redirect is a failure.
    OD_FETCH_MANUAL, // A redirect is the response.
};

struct od_fetch_way {
    enum od_fetch_redirect redirect;
    uint64_t stream; // The number of its body, which comes in pieces; 0: it comes whole.
    uint64_t
        reader; // Who takes the body of the request, which comes in pieces, for it; 0: it is whole.
    uint32_t worker; // This one: with [stream] it is named in the answer (link/response.h).
};

// Begins a fetch; [number] is not in use. [request] is a link/request.h and is copied.
void od_fetch_start(struct od_net *net, uint64_t number, od_slice request, struct od_fetch_way way);

// Of the body of its request: one more piece, and the end. What has left is told by the events
// `pieces_taken` and `pieces_unwanted` for [way.reader]. A body that is not whole fails the fetch.
void od_fetch_put_piece(struct od_net *net, uint64_t number, od_slice piece);
void od_fetch_put_end(struct od_net *net, uint64_t number, bool is_whole);

void od_fetch_taken(struct od_net *net, uint64_t number, size_t size); // Of its pieces.

// Nobody wants it any more; its connection is cut if it is in the middle of something. Unknown
// numbers are ignored.
void od_fetch_cancel(struct od_net *net, uint64_t number);

// "http://host/path": what is fetched, for logs and people, without the query and without a
// password, which may be secrets; cut when it is long. As snprintf.
int od_fetch_describe(od_slice request, char *text, size_t size);

void od_fetches_free(struct od_fetches *fetches); // NULL is allowed. Nothing is told any more.

#endif
