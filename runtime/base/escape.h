// Text that anybody may have written, made fit for a terminal or for JSON.
//
// A terminal must not obey it, nor turn its direction, and in JSON it must stay inside its quotes.
// Bytes that are not UTF-8 are written as \xff, and in JSON, which has no such thing, as U+FFFD.

#ifndef OD_BASE_ESCAPE_H
#define OD_BASE_ESCAPE_H

#include "base/bytes.h"

void od_escape_put_text(struct od_bytes *bytes, od_slice text); // A further line is indented.
void od_escape_put_json(struct od_bytes *bytes, od_slice text); // Without the quotes.

#endif
