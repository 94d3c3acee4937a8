// Is it UTF-8? Asked piece by piece, and answered at the first byte that cannot be right.
//
// Text arrives in fragments that may end inside a character, so the state between two pieces is
// one byte. Overlong forms, surrogates and what lies above U+10FFFF are wrong, as RFC 3629 says.
//
// Thread: any.

#ifndef OD_BASE_UTF8_H
#define OD_BASE_UTF8_H

#include "base/slice.h"

enum {
    OD_UTF8_WRONG = 0, // For ever.
    OD_UTF8_WHOLE = 1, // The start, and whenever no character is open. All others: inside one.
    OD_UTF8_STATE_COUNT = 9,
};

uint8_t od_utf8_feed(uint8_t state, od_slice piece); // The state behind [piece].
bool od_utf8_is_valid(od_slice text);                // A whole text.

// How many of the first [limit] bytes of a valid text can be kept without cutting a character.
size_t od_utf8_cut(od_slice text, size_t limit);

// How many bytes the character at [at] takes (1 to 4), of which at most [left] are there; 0 when it
// is not UTF-8. [left] is at least 1.
size_t od_utf8_size(const char *at, size_t left);

// Writes [code], which is no surrogate and at most 0x10ffff, and returns how many bytes that took.
size_t od_utf8_put(char *out, uint32_t code);

#endif
