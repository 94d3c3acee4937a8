// A database page by page, to take it out of an object and put it into another.
//
// Pages one behind the other, in the order of their numbers, are a file that any SQLite opens.
//
// To put them in takes several stretches, between which the server may end. So the first page,
// which says what the others are, comes last: until then there is no database.
//
// Process: workers. Thread: the loop's. No part of a stretch may be open.

#ifndef OD_SQL_COPY_H
#define OD_SQL_COPY_H

#include "base/bytes.h"
#include "base/error.h"
#include "store/storage.h"

uint32_t od_sql_copy_page_count(struct od_storage *storage); // Free ones too. 0: no database.

// Puts the pages from [first] on behind what is in [pages], OD_SQL_COPY_PAGES_MAX at most. False:
// one is damaged.
OD_MUST_CHECK bool od_sql_copy_out(struct od_storage *storage, uint32_t first,
                                   struct od_bytes *pages, struct od_error *err);

void od_sql_copy_begin(struct od_storage *storage); // Whatever database there is, is deleted.

// [pages] are those from [first] on. With the first page it is looked at whether they are a
// database; if not, there is none.
OD_MUST_CHECK bool od_sql_copy_in(struct od_storage *storage, uint32_t first, od_slice pages,
                                  struct od_error *err);

#endif
