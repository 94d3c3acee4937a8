// A tunnel: one end is a TLS connection to a place outside, which libcurl keeps, the other a local
// descriptor that behaves like a plain connection to the same place.
//
// A TLS session cannot leave its process, but whoever has the inner end need not know that: wires,
// the keeper and those who take over get it like any descriptor. When this process ends, the inner
// end has ended, as if the place had hung up.
//
// What one side does not take waits, up to OD_TUNNEL_BYTES_MAX each way; then the other is not
// read.
//
// Process: worker. Owner: itself; it goes when both ends have.

#ifndef OD_NET_TUNNEL_H
#define OD_NET_TUNNEL_H

#include "base/error.h"

struct od_connect;
struct od_net;

#define OD_TUNNEL_BYTES_MAX (64u << 10)

// Takes [connect], which is connected by [fd], in any case. Returns the inner end; -1: it could not
// be made.
int od_tunnel_open(struct od_connect *connect, int fd, struct od_error *err);

void od_tunnels_free(struct od_net *net); // All of them; the loop must run once more.

#endif
