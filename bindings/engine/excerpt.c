#include "engine/excerpt.h"

#include <stdio.h>

#include "base/check.h"
#include "engine/caret.h"

enum {
    around = 1, // Lines shown before and after the one in question.
};

int od_excerpt_width(int line)
{
    char number[16];
    return snprintf(number, sizeof number, "%d", line);
}

void od_excerpt_put_line(struct od_bytes *out, char mark, int width, int line, od_slice text)
{
    OD_ASSERT(line > 0);
    od_bytes_printf(out, "\n%c %*d | ", mark, width, line);
    od_bytes_put_slice(out, text);
}

// Under [part] of the line [text]; a tab above stays one, or the column would be another.
static void put_caret(struct od_bytes *out, int width, od_slice text, od_slice part)
{
    if (part.size == 0)
        return;
    od_bytes_printf(out, "\n  %*s | ", width, "");
    for (const char *at = text.at; at < part.at; at++)
        od_bytes_put_u8(out, *at == '\t' ? '\t' : ' ');
    for (size_t i = 0; i < part.size; i++)
        od_bytes_put_u8(out, '^');
}

void od_excerpt_put(struct od_bytes *out, struct od_place place, od_slice message)
{
    od_slice text, part = {NULL, 0};
    if (place.source == NULL)
        return;
    if (od_source_line(place.source, place.line, &text))
        part = od_caret_find(text, message); // Before [out], which [message] may lie in, moves.
    int width = od_excerpt_width(place.line + around);
    for (int line = place.line - around; line <= place.line + around; line++) {
        if (line < 1 || !od_source_line(place.source, line, &text))
            continue;
        od_excerpt_put_line(out, line == place.line ? '>' : ' ', width, line, text);
        if (line == place.line)
            put_caret(out, width, text, part);
    }
}
