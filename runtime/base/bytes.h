// A buffer that grows: the one way in which bytes are gathered, in messages, keys and frames.
//
// Owner: the struct is embedded by whoever gathers; od_bytes_deinit frees. Slices taken from it are
// valid until the next call that can grow it. Memory that cannot be had ends the process, so every
// size a peer or a script chooses is checked against a limit before it gets here.
//
// Numbers are little-endian, strings carry a 32-bit length; cursor.h reads them back.

#ifndef OD_BASE_BYTES_H
#define OD_BASE_BYTES_H

#include "base/check.h"
#include "base/slice.h"

struct od_bytes {
    char *at;
    size_t size;     // What is there.
    size_t capacity; // What fits before it must grow.
};

void od_bytes_init(
    struct od_bytes *bytes); // Empty, no memory. Zeroed memory is also a valid start.
void od_bytes_deinit(struct od_bytes *bytes); // Frees; the buffer is empty again and may be reused.
void od_bytes_clear(struct od_bytes *bytes);  // Forgets the bytes, keeps the memory.

od_slice od_bytes_slice(const struct od_bytes *bytes);

// Room for [extra] bytes behind the end; returns that place. The caller adds to [size] what it
// used.
char *od_bytes_reserve(struct od_bytes *bytes, size_t extra);

void od_bytes_put(struct od_bytes *bytes, const void *at, size_t size);
void od_bytes_put_slice(struct od_bytes *bytes, od_slice slice); // The bytes alone.
void od_bytes_put_u8(struct od_bytes *bytes, uint8_t value);
void od_bytes_put_u16(struct od_bytes *bytes, uint16_t value);
void od_bytes_put_u32(struct od_bytes *bytes, uint32_t value);
void od_bytes_put_u64(struct od_bytes *bytes, uint64_t value);
void od_bytes_put_string(struct od_bytes *bytes, od_slice slice); // u32 length, then the bytes.
void od_bytes_set_u32(struct od_bytes *bytes, size_t offset, uint32_t value); // Over what is there.

// Text as printf makes it, without a zero behind it.
void od_bytes_printf(struct od_bytes *bytes, const char *format, ...) OD_PRINTF(2, 3);

// Forgets the first [count] bytes.
void od_bytes_drop_front(struct od_bytes *bytes, size_t count);

// Memory that is there or the process ends: malloc, calloc and realloc that cannot return NULL.
void *od_allocate(size_t size);
void *od_allocate_zeroed(size_t size);
void *od_reallocate(void *memory, size_t size);

// An array that is full, with room for twice as many items of [item_bytes]: [capacity] is how many
// fit, and is raised.
void *od_grow(void *array, size_t *capacity, size_t item_bytes);

char *od_text_copy(od_slice text); // As a C string, to be freed.

// Asks for large pages behind a block that is large and about to be written: the first touch of 16
// MiB in pages of 4 KiB takes tens of milliseconds, in which nobody else is served. The allocators
// above ask by themselves.
void od_prefer_large_pages(void *memory, size_t size);

#endif
