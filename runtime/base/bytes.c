#include "base/bytes.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    PAGE_BYTES = 4096,
    SMALL_BYTES = 1024,
    LARGE_BYTES = 4 << 20, // Less may not hold one large page, as these are aligned.
};

void od_prefer_large_pages(void *memory, size_t size)
{
    if (size < LARGE_BYTES)
        return;
    // All its pages, or a mapping of its own would become two, which cannot grow in place.
    size_t before = (uintptr_t)memory % PAGE_BYTES;
    size_t whole = (before + size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    (void)madvise((char *)memory - before, whole, MADV_HUGEPAGE); // Else it is as it was.
}

void *od_allocate(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);
    if (memory == NULL)
        od_out_of_memory(size);
    od_prefer_large_pages(memory, size);
    return memory;
}

// glibc's calloc passes over what each thread has at hand for its malloc, and costs four times as
// much for a small block. Of a large one it knows when the pages are new, and zero already. The
// compiler must not see that both sizes are one, or it makes a calloc of the small one again.
void *od_allocate_zeroed(size_t size)
{
    bool is_small = size > 0 && size <= SMALL_BYTES;
    void *memory = is_small ? malloc(size) : calloc(1, size > 0 ? size : 1);
    if (memory == NULL)
        od_out_of_memory(size);
    if (is_small) {
        __asm__("" : "+r"(size));
        memset(memory, 0, size);
    }
    return memory;
}

void *od_reallocate(void *memory, size_t size)
{
    void *moved = realloc(memory, size > 0 ? size : 1);
    if (moved == NULL)
        od_out_of_memory(size);
    od_prefer_large_pages(moved, size);
    return moved;
}

void *od_grow(void *array, size_t *capacity, size_t item_bytes)
{
    enum {
        first_capacity = 8,
    };
    OD_ASSERT(*capacity <= SIZE_MAX / 2 / item_bytes);
    *capacity = *capacity == 0 ? first_capacity : *capacity * 2;
    return od_reallocate(array, *capacity * item_bytes);
}

char *od_text_copy(od_slice text)
{
    char *copy = od_allocate(text.size + 1);
    if (text.size > 0)
        memcpy(copy, text.at, text.size);
    copy[text.size] = '\0';
    return copy;
}

void od_bytes_init(struct od_bytes *bytes)
{
    *bytes = (struct od_bytes){NULL, 0, 0};
}

void od_bytes_deinit(struct od_bytes *bytes)
{
    free(bytes->at);
    od_bytes_init(bytes);
}

void od_bytes_clear(struct od_bytes *bytes)
{
    bytes->size = 0;
}

od_slice od_bytes_slice(const struct od_bytes *bytes)
{
    return (od_slice){bytes->at, bytes->size};
}

// Apart, so that what nearly always has room is short.
static __attribute__((noinline)) void grow(struct od_bytes *bytes, size_t extra)
{
    OD_ASSERT(extra <= SIZE_MAX / 4);
    size_t needed = bytes->size + extra;
    OD_ASSERT(needed <= SIZE_MAX / 2);
    size_t doubled = bytes->capacity * 2;
    size_t capacity = needed > doubled ? needed : doubled;
    capacity = capacity < 64 ? 64 : capacity;
    bytes->at = od_reallocate(bytes->at, capacity);
    bytes->capacity = capacity;
}

inline char *od_bytes_reserve(struct od_bytes *bytes, size_t extra)
{
    OD_ASSERT(bytes->size <= bytes->capacity);
    if (extra > bytes->capacity - bytes->size)
        grow(bytes, extra);
    return bytes->at + bytes->size;
}

void od_bytes_put(struct od_bytes *bytes, const void *at, size_t size)
{
    if (size == 0)
        return;
    memcpy(od_bytes_reserve(bytes, size), at, size);
    bytes->size += size;
}

void od_bytes_put_slice(struct od_bytes *bytes, od_slice slice)
{
    od_bytes_put(bytes, slice.at, slice.size);
}

// The format is the same on every machine.
static inline void put_little_endian(struct od_bytes *bytes, uint64_t value, size_t width)
{
    uint64_t little = htole64(value);
    memcpy(od_bytes_reserve(bytes, width), &little, width);
    bytes->size += width;
}

void od_bytes_put_u8(struct od_bytes *bytes, uint8_t value)
{
    put_little_endian(bytes, value, 1);
}

void od_bytes_put_u16(struct od_bytes *bytes, uint16_t value)
{
    put_little_endian(bytes, value, 2);
}

void od_bytes_put_u32(struct od_bytes *bytes, uint32_t value)
{
    put_little_endian(bytes, value, 4);
}

void od_bytes_put_u64(struct od_bytes *bytes, uint64_t value)
{
    put_little_endian(bytes, value, 8);
}

void od_bytes_put_string(struct od_bytes *bytes, od_slice slice)
{
    OD_ASSERT(slice.size <= UINT32_MAX);
    uint32_t little = htole32((uint32_t)slice.size);
    char *place = od_bytes_reserve(bytes, sizeof little + slice.size);
    memcpy(place, &little, sizeof little);
    if (slice.size > 0)
        memcpy(place + sizeof little, slice.at, slice.size);
    bytes->size += sizeof little + slice.size;
}

void od_bytes_set_u32(struct od_bytes *bytes, size_t offset, uint32_t value)
{
    OD_ASSERT(offset + sizeof value <= bytes->size);
    uint32_t little = htole32(value);
    memcpy(bytes->at + offset, &little, sizeof little);
}

void od_bytes_printf(struct od_bytes *bytes, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    OD_ASSERT(size >= 0);
    (void)vsnprintf(od_bytes_reserve(bytes, (size_t)size + 1), (size_t)size + 1, format, again);
    bytes->size += (size_t)size;
    va_end(again);
    va_end(arguments);
}

void od_bytes_drop_front(struct od_bytes *bytes, size_t count)
{
    OD_ASSERT(count <= bytes->size);
    bytes->size -= count;
    if (bytes->size > 0 && count > 0)
        memmove(bytes->at, bytes->at + count, bytes->size);
}
