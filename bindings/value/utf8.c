#include "value/utf8.h"

#include <stdbool.h>

static bool is_tail(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

// What is excluded by the second byte alone: overlong forms, surrogates and too large values.
static bool is_second(unsigned char first, unsigned char second)
{
    if (first == 0xe0)
        return second >= 0xa0;
    if (first == 0xed)
        return second < 0xa0;
    if (first == 0xf0)
        return second >= 0x90;
    if (first == 0xf4)
        return second < 0x90;
    return true;
}

size_t od_utf8_size(const char *at, size_t left)
{
    const unsigned char *bytes = (const unsigned char *)at;
    unsigned char first = bytes[0];
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (left < size || !is_second(first, bytes[1]))
        return 0;
    for (size_t i = 1; i < size; i++) {
        if (!is_tail(bytes[i]))
            return 0;
    }
    return size;
}

size_t od_utf8_put(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)((0xf00u >> size) | code);
    return size;
}
