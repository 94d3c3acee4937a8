// Text that anybody may have written, made fit for a terminal or for JSON.
//
// A terminal must not obey it, and in JSON it must stay inside its quotes. Bytes that are not UTF-8
// are passed on to a terminal, which decides how to show them; in JSON, which would be none with
// them, U+FFFD stands for each.

#ifndef OD_BASE_ESCAPE_H
#define OD_BASE_ESCAPE_H

#include "base/bytes.h"

void od_escape_put_text(struct od_bytes *bytes, od_slice text); // A further line is indented.
void od_escape_put_json(struct od_bytes *bytes, od_slice text); // Without the quotes.

#endif
