// TLS under a connection of the load program: the handshake is done while the socket still blocks,
// and certificates are believed, as what is measured is what the server does.
#ifndef BENCH_TLS_H
#define BENCH_TLS_H

#include <stdbool.h>

struct connection;

// Before connection_init() of [fd]. NULL: the server does not speak TLS.
void *tls_connect(int fd);

// Behind connection_init(): [tls] is the connection's from now on.
void tls_carry(struct connection *connection, void *tls);

#endif
