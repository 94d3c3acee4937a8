#include "base/utf8.h"

#include <string.h>

// A table walks: the next state is that of this state and the class of the next byte. There is no
// branch on the bytes, which in text of mixed scripts would be guessed wrong all the time.
//
// The states, by what must come. What the table does not name is 0, and that is WRONG, for ever:
//
//   WHOLE     a character
//   ONE       80..BF, the last byte of a character
//   TWO       two of them
//   THREE     three of them
//   AFTER_E0  A0..BF, then one: what is below has a shorter form
//   AFTER_ED  80..9F, then one: what is above are surrogates
//   AFTER_F0  90..BF, then two: a shorter form again
//   AFTER_F4  80..8F, then two: the end of Unicode
enum {
    WRONG = OD_UTF8_WRONG,
    WHOLE = OD_UTF8_WHOLE,
    ONE,
    TWO,
    THREE,
    AFTER_E0,
    AFTER_ED,
    AFTER_F0,
    AFTER_F4,
};

// The classes of bytes.
enum {
    ASCII,
    TAIL_8, // 80..8F
    TAIL_9, // 90..9F
    TAIL_A, // A0..BF
    LEAD_2, // C2..DF, of characters of two bytes
    LEAD_E0,
    LEAD_3, // E1..EC, EE, EF
    LEAD_ED,
    LEAD_F0,
    LEAD_4, // F1..F3
    LEAD_F4,
    NOTHING, // C0, C1, F5..FF are in no text
    CLASS_COUNT,
};

// clang-format off
static const uint8_t classes[256] = {
    [0x00 ... 0x7f] = ASCII,
    [0x80 ... 0x8f] = TAIL_8,  [0x90 ... 0x9f] = TAIL_9, [0xa0 ... 0xbf] = TAIL_A,
    [0xc0 ... 0xc1] = NOTHING, [0xc2 ... 0xdf] = LEAD_2,
    [0xe0] = LEAD_E0, [0xe1 ... 0xec] = LEAD_3, [0xed] = LEAD_ED, [0xee ... 0xef] = LEAD_3,
    [0xf0] = LEAD_F0, [0xf1 ... 0xf3] = LEAD_4, [0xf4] = LEAD_F4, [0xf5 ... 0xff] = NOTHING,
};

static const uint8_t next_states[OD_UTF8_STATE_COUNT][CLASS_COUNT] = {
    [WHOLE] = {[ASCII] = WHOLE, [LEAD_2] = ONE,
               [LEAD_E0] = AFTER_E0, [LEAD_3] = TWO, [LEAD_ED] = AFTER_ED,
               [LEAD_F0] = AFTER_F0, [LEAD_4] = THREE, [LEAD_F4] = AFTER_F4},
    [ONE]      = {[TAIL_8] = WHOLE, [TAIL_9] = WHOLE, [TAIL_A] = WHOLE},
    [TWO]      = {[TAIL_8] = ONE, [TAIL_9] = ONE, [TAIL_A] = ONE},
    [THREE]    = {[TAIL_8] = TWO, [TAIL_9] = TWO, [TAIL_A] = TWO},
    [AFTER_E0] = {[TAIL_A] = ONE},
    [AFTER_ED] = {[TAIL_8] = ONE, [TAIL_9] = ONE},
    [AFTER_F0] = {[TAIL_9] = TWO, [TAIL_A] = TWO},
    [AFTER_F4] = {[TAIL_8] = TWO},
};
// clang-format on

static inline uint64_t eight_at(const char *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof(eight));
    return eight;
}

// How many bytes at the front of [text] are ASCII, counted in eights: what most text is made of.
// Four eights are looked at together, for each message that is echoed passes here twice.
static size_t ascii_prefix(od_slice text)
{
    const ptrdiff_t eight = sizeof(uint64_t);
    const uint64_t not_ascii = 0x8080808080808080u;
    const char *at = text.at;
    const char *end = text.at + text.size;
    while (end - at >= 4 * eight) {
        uint64_t front = eight_at(at) | eight_at(at + eight);
        uint64_t back = eight_at(at + 2 * eight) | eight_at(at + 3 * eight);
        if (((front | back) & not_ascii) != 0)
            break;
        at += 4 * eight;
    }
    while (end - at >= eight && (eight_at(at) & not_ascii) == 0)
        at += eight;
    return (size_t)(at - text.at);
}

uint8_t od_utf8_feed(uint8_t state, od_slice piece)
{
    enum {
        WALK_BYTES = 64, // Before ASCII is looked for again.
    };
    size_t i = 0;
    while (i < piece.size && state != WRONG) {
        if (state == WHOLE)
            i += ascii_prefix(od_slice_from(piece, i));
        size_t end = piece.size - i < WALK_BYTES ? piece.size : i + WALK_BYTES;
        while (i < end)
            state = next_states[state][classes[(unsigned char)piece.at[i++]]];
    }
    return state;
}

bool od_utf8_is_valid(od_slice text)
{
    od_slice rest = od_slice_from(text, ascii_prefix(text));
    return rest.size == 0 || od_utf8_feed(OD_UTF8_WHOLE, rest) == OD_UTF8_WHOLE;
}

size_t od_utf8_cut(od_slice text, size_t limit)
{
    if (text.size <= limit)
        return text.size;
    while (limit > 0 && ((unsigned char)text.at[limit] & 0xc0) == 0x80)
        limit--;
    return limit;
}

size_t od_utf8_size(const char *at, size_t left)
{
    uint8_t state = WHOLE;
    for (size_t i = 0; i < left && state != WRONG; i++) {
        state = next_states[state][classes[(unsigned char)at[i]]];
        if (state == WHOLE)
            return i + 1;
    }
    return 0;
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
