// The lines of a script that an error is about, with their numbers.
//
//     43 |   local t = self.room
//   > 44 |   t.name = "x"
//        |   ^
//     45 | end

#ifndef OD_ENGINE_EXCERPT_H
#define OD_ENGINE_EXCERPT_H

#include "base/bytes.h"
#include "engine/sources.h"

struct od_place {
    const struct od_source *source; // NULL: not known.
    int line;
};

// The line of [place] with those around it, and the part of it that [message] is about; nothing
// when it is not known. [message] may lie in [out].
void od_excerpt_put(struct od_bytes *out, struct od_place place, od_slice message);

// One line [text] with its number, [width] wide, behind [mark], '>' or ' '.
void od_excerpt_put_line(struct od_bytes *out, char mark, int width, int line, od_slice text);

int od_excerpt_width(int line); // Digits of a number.

#endif
