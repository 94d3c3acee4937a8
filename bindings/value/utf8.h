// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.

#ifndef OD_VALUE_UTF8_H
#define OD_VALUE_UTF8_H

#include <stddef.h>
#include <stdint.h>

// How many bytes the character at [at] takes (1 to 4), of which at most [left] are there; 0 when it
// is not UTF-8. [left] is at least 1.
size_t od_utf8_size(const char *at, size_t left);

// Writes [code], which is no surrogate and at most 0x10ffff, and returns how many bytes that took.
size_t od_utf8_put(char *out, uint32_t code);

#endif
