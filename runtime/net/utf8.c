#include "net/utf8.h"

#include <string.h>

// States beyond the two of the header: what the next byte must be.
enum {
    TAIL_1 = 2,   // The last byte of a character: 80..BF.
    TAIL_2 = 3,   // Two of them to come.
    TAIL_3 = 4,   // Three of them.
    AFTER_E0 = 5, // A0..BF, then one: shorter forms would be overlong.
    AFTER_ED = 6, // 80..9F, then one: the others are surrogates.
    AFTER_F0 = 7, // 90..BF, then two: overlong again.
    AFTER_F4 = 8, // 80..8F, then two: the end of Unicode.
};

struct step {
    unsigned char first, last; // The bytes that are allowed.
    uint8_t next;
};

static const struct step steps[OD_UTF8_STATE_COUNT] = {
    [TAIL_1] = {0x80, 0xbf, OD_UTF8_WHOLE}, [TAIL_2] = {0x80, 0xbf, TAIL_1},
    [TAIL_3] = {0x80, 0xbf, TAIL_2},        [AFTER_E0] = {0xa0, 0xbf, TAIL_1},
    [AFTER_ED] = {0x80, 0x9f, TAIL_1},      [AFTER_F0] = {0x90, 0xbf, TAIL_2},
    [AFTER_F4] = {0x80, 0x8f, TAIL_2},
};

static uint8_t state_after_lead(unsigned char byte)
{
    static const struct step leads[] = {
        {0x00, 0x7f, OD_UTF8_WHOLE}, {0xc2, 0xdf, TAIL_1},   {0xe0, 0xe0, AFTER_E0},
        {0xe1, 0xec, TAIL_2},        {0xed, 0xed, AFTER_ED}, {0xee, 0xef, TAIL_2},
        {0xf0, 0xf0, AFTER_F0},      {0xf1, 0xf3, TAIL_3},   {0xf4, 0xf4, AFTER_F4},
    };
    for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
        if (byte >= leads[i].first && byte <= leads[i].last)
            return leads[i].next;
    }
    return OD_UTF8_WRONG;
}

// How many bytes at the front of [text] are ASCII, counted in eights: what most text is made of.
static size_t ascii_prefix(od_slice text)
{
    size_t size = 0;
    while (text.size - size >= sizeof(uint64_t)) {
        uint64_t eight;
        memcpy(&eight, text.at + size, sizeof(eight));
        if ((eight & 0x8080808080808080u) != 0)
            break;
        size += sizeof(eight);
    }
    return size;
}

uint8_t od_utf8_feed(uint8_t state, od_slice piece)
{
    size_t i = 0;
    while (i < piece.size && state != OD_UTF8_WRONG) {
        unsigned char byte = (unsigned char)piece.at[i];
        if (state != OD_UTF8_WHOLE) {
            const struct step *step = &steps[state];
            state = byte >= step->first && byte <= step->last ? step->next : OD_UTF8_WRONG;
            i++;
        } else if (byte < 0x80) {
            size_t ascii = ascii_prefix(od_slice_from(piece, i));
            i += ascii > 0 ? ascii : 1;
        } else {
            state = state_after_lead(byte);
            i++;
        }
    }
    return state;
}

bool od_utf8_is_valid(od_slice text)
{
    return od_utf8_feed(OD_UTF8_WHOLE, text) == OD_UTF8_WHOLE;
}

size_t od_utf8_cut(od_slice text, size_t limit)
{
    if (text.size <= limit)
        return text.size;
    while (limit > 0 && ((unsigned char)text.at[limit] & 0xc0) == 0x80)
        limit--;
    return limit;
}
