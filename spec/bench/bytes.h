// A growing row of bytes: what was read and is not whole yet, or what waits to be sent.
//
// Owner: whoever holds the struct; a zeroed one is empty. Out of memory aborts.
#ifndef BENCH_BYTES_H
#define BENCH_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t length;
    size_t capacity;
};

// Makes room for at least [room] more bytes behind the last one.
void bytes_reserve(struct bytes *bytes, size_t room);
void bytes_append(struct bytes *bytes, const void *data, size_t length);
void bytes_append_text(struct bytes *bytes, const char *text);

// Takes [length] bytes away from the front.
void bytes_drop(struct bytes *bytes, size_t length);
void bytes_free(struct bytes *bytes);

#endif
