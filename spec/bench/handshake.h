// The HTTP head that opens a WebSocket, as far as the bare server needs it.
#ifndef BENCH_HANDSHAKE_H
#define BENCH_HANDSHAKE_H

#include "bytes.h"

#include <stdbool.h>

// The length of the request head that [data] begins with, empty line included; 0: not whole yet.
size_t handshake_head_length(const uint8_t *data, size_t length);

// Appends the 101 that answers the key in [head]. False: there is no key, it is plain HTTP.
bool handshake_answer(struct bytes *out, const uint8_t *head, size_t length);

#endif
