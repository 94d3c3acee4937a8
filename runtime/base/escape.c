#include "base/escape.h"

#include <stdio.h>

#include "base/check.h"
#include "base/utf8.h"

// The character at the front and how many bytes it has; 0: that is no UTF-8.
static size_t take_character(od_slice text, uint32_t *code)
{
    OD_ASSERT(text.size > 0);
    size_t size = od_utf8_size(text.at, text.size);
    unsigned char first = (unsigned char)text.at[0];
    *code = size <= 1 ? first : first & (0x7fu >> size);
    OD_ASSERT(size <= text.size);
    for (size_t i = 1; i < size; i++)
        *code = *code << 6 | ((unsigned char)text.at[i] & 0x3fu);
    return size;
}

// What a terminal obeys, or what lets a line read otherwise than it is: controls, also those of
// eight bits, and marks of direction.
static bool is_obeyed(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x061c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

static void put_obeyed(struct od_bytes *bytes, uint32_t code, bool json)
{
    char escape[12];
    if (code == '\n')
        snprintf(escape, sizeof escape, "%s", json ? "\\n" : "\n    ");
    else if (code == '\t')
        snprintf(escape, sizeof escape, "%s", json ? "\\t" : "\t");
    else if (code < 0x80 && !json)
        snprintf(escape, sizeof escape, "\\x%02x", code);
    else
        snprintf(escape, sizeof escape, "\\u%04x", code);
    od_bytes_put_slice(bytes, od_slice_of(escape));
}

static void put_wrong(struct od_bytes *bytes, unsigned char byte, bool json)
{
    char escape[8];
    snprintf(escape, sizeof escape, "\\x%02x", byte);
    od_bytes_put_slice(bytes, json ? OD_SLICE("\xef\xbf\xbd") : od_slice_of(escape));
}

static void put(struct od_bytes *bytes, od_slice text, bool json)
{
    while (text.size > 0) {
        uint32_t code = 0;
        size_t size = take_character(text, &code);
        if (size == 0)
            put_wrong(bytes, (unsigned char)text.at[0], json);
        else if (is_obeyed(code))
            put_obeyed(bytes, code, json);
        else {
            if (json && (code == '"' || code == '\\'))
                od_bytes_put_u8(bytes, '\\');
            od_bytes_put(bytes, text.at, size);
        }
        text = od_slice_from(text, size == 0 ? 1 : size);
    }
}

void od_escape_put_text(struct od_bytes *bytes, od_slice text)
{
    put(bytes, text, false);
}

void od_escape_put_json(struct od_bytes *bytes, od_slice text)
{
    put(bytes, text, true);
}
