#include "base/escape.h"

#include <stdio.h>

#include "base/utf8.h"

static void put(struct od_bytes *bytes, od_slice text, bool json)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        char escape[8];
        if (json && byte >= 0x80) {
            size_t size = od_utf8_size(text.at + i, text.size - i);
            od_bytes_put_slice(bytes,
                               size > 0 ? (od_slice){text.at + i, size} : OD_SLICE("\xef\xbf\xbd"));
            i += size > 0 ? size - 1 : 0;
            continue;
        }
        if (json && (byte == '"' || byte == '\\'))
            snprintf(escape, sizeof escape, "\\%c", byte);
        else if (byte == '\n')
            snprintf(escape, sizeof escape, "%s", json ? "\\n" : "\n    ");
        else if (byte == '\t')
            snprintf(escape, sizeof escape, "%s", json ? "\\t" : "\t");
        else if (byte < 0x20 || byte == 0x7f)
            snprintf(escape, sizeof escape, "\\%s%02x", json ? "u00" : "x", byte);
        else {
            od_bytes_put_u8(bytes, byte);
            continue;
        }
        od_bytes_put_slice(bytes, od_slice_of(escape));
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
