// The rows of one object in one transaction: its pairs, also those whose keys are too long for
// LMDB, and the pages of its database, squeezed.
//
// Functions return LMDB's codes; 0 is good, MDB_NOTFOUND means what it says.

#ifndef OD_STORE_ROWS_H
#define OD_STORE_ROWS_H

#include "store/keys.h"
#include "store/measure.h"
#include "store/range.h"
#include "store/write.h"

struct od_rows {
    MDB_txn *txn;
    MDB_dbi data;
    od_slot slot;
    uint64_t number;
    struct od_write *write; // NULL: they are only read.
};

// [value] points into the map, until the transaction ends or writes.
OD_MUST_CHECK int od_rows_get(const struct od_rows *rows, od_slice key, od_slice *value);
OD_MUST_CHECK int od_rows_put(const struct od_rows *rows, od_slice key, od_slice value);
OD_MUST_CHECK int od_rows_delete(const struct od_rows *rows, od_slice key);

OD_MUST_CHECK int od_rows_get_page(const struct od_rows *rows, uint32_t page, od_slice *squeezed);
OD_MUST_CHECK int od_rows_put_page(const struct od_rows *rows, uint32_t page, od_slice squeezed);
OD_MUST_CHECK int od_rows_delete_page(const struct od_rows *rows, uint32_t page);

// Adds what the object has, looking at no more than [rows_max] rows in all.
OD_MUST_CHECK int od_rows_measure(const struct od_rows *rows, uint64_t rows_max,
                                  struct od_measure *measure);

// Called for each pair in order; false stops the walk. Slices are borrowed for the call.
typedef bool od_rows_visit(void *context, od_slice key, od_slice value);

// [kind]: pairs; by their names, alarms; by their numbers (od_page_key), pages.
OD_MUST_CHECK int od_rows_walk(const struct od_rows *rows, enum od_row_kind kind,
                               const struct od_bounds *bounds, bool reverse, od_rows_visit *visit,
                               void *context);

#endif
