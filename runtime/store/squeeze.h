// How a page of a database is stored: without its longest run of zeros.
//
// SQLite keeps free space zeroed, so a page is as long as what is in it, and a database with one
// row takes a few hundred bytes instead of two pages. A page that gains nothing is stored as it is.
//
// Squeezed: OD_STORE_PAGE_BYTES as they are, or fewer: u16 where the zeros were, u16 how many, and
// all the rest. The same page always gives the same bytes.

#ifndef OD_STORE_SQUEEZE_H
#define OD_STORE_SQUEEZE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/check.h"

void od_squeeze(const char *page, struct od_bytes *squeezed); // In place of what is there.

// False when the bytes are no squeezed page; [page] is then undefined.
OD_MUST_CHECK bool od_unsqueeze(od_slice squeezed, char *page);

#endif
