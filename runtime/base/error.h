// Why something of the world did not work, in words for the person who reads it.
//
// Functions that can fail return bool and take `struct od_error *err` as their last parameter. On
// false the text is set and nothing is left to undo. A text says what was wrong, where, and, where
// it is known, what to do. It ends without a full stop, so that callers can put it in a sentence.

#ifndef OD_BASE_ERROR_H
#define OD_BASE_ERROR_H

#include <stdbool.h>

#include "base/check.h"

#define OD_ERROR_BYTES_MAX 4096

struct od_error {
    char text[OD_ERROR_BYTES_MAX];
};

// Sets the text; longer texts are cut. Returns false, so that `return od_error_set(...)` reads
// well.
bool od_error_set(struct od_error *err, const char *format, ...) OD_PRINTF(2, 3);

// Puts a text in front of what is there: "cannot open the data directory: ..." Returns false.
bool od_error_prefix(struct od_error *err, const char *format, ...) OD_PRINTF(2, 3);

// Like od_error_set, with ": " and the words of errno at the end.
bool od_error_errno(struct od_error *err, const char *format, ...) OD_PRINTF(2, 3);

#endif
