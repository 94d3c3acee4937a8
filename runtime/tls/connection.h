// A connection: one client whose TLS ends here, and bytes both ways.
//
//   client ── TLS ── [outer]  this process  [inner] ── plain bytes ── main, and then a worker
//
// What one side does not take is kept, one piece for each direction, and the other side is not read
// meanwhile: so who reads slowly slows down who writes, and nobody here. The end of one side's
// stream becomes the end of the other's. A client that does not get through the handshake in time
// is cut; after it, time is main's business, which closes its end.
//
// Process: tls. Owner: the list in struct od_tls; it frees itself.

#ifndef OD_TLS_CONNECTION_H
#define OD_TLS_CONNECTION_H

#include "tls/tls_inner.h"

// Takes both descriptors.
void od_tls_connection_start(struct od_tls *tls, int outer_fd, int inner_fd);

void od_tls_connection_end(struct od_tls_connection *connection); // Cuts both.

#endif
