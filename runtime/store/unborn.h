// A data file whose making was cut short.
//
// LMDB makes a file by writing its first two pages, and a power cut may leave half of them, which
// looks like damage. But a file of so few pages holds nothing yet, so it is emptied and made anew.
// [od_unborn_finish] keeps it that clear: no page follows before the first two are on the disk.
//
// Process: main, the only writer.
#pragma once

#include <stdbool.h>

#include "base/error.h"

// Before the data file in [directory] is opened. One that does not exist is fine, and what is not
// the beginning of a data file is left as it is: opening it will tell. An error when it is all that
// is left of a longer one.
OD_MUST_CHECK bool od_unborn_clear(const char *directory, struct od_error *err);

// After it was opened and before anything is written to it. Returns an error number, or 0.
int od_unborn_finish(int fd);
