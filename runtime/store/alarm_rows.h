// Alarms in a transaction: the rows of one object, and the order of all (alarm.h).
//
// Functions return LMDB's codes; 0 is good, MDB_NOTFOUND: no alarm of that name.

#ifndef OD_STORE_ALARM_ROWS_H
#define OD_STORE_ALARM_ROWS_H

#include "store/alarm.h"
#include "store/rows.h"

// [row] is borrowed until the transaction ends or writes.
OD_MUST_CHECK int od_alarm_rows_get(const struct od_rows *rows, od_slice name,
                                    struct od_alarm_row *row);

// Sets the alarm [name] of the object with [id], whose rows are [rows], in place of the one it has;
// [bytes] are a row.
OD_MUST_CHECK int od_alarm_rows_put(const struct od_rows *rows, const uint8_t id[OD_ID_BYTES],
                                    od_slice name, od_slice bytes);
// Also when there is none; and all of the object.
OD_MUST_CHECK int od_alarm_rows_delete(const struct od_rows *rows, const uint8_t id[OD_ID_BYTES],
                                       od_slice name);
OD_MUST_CHECK int od_alarm_rows_delete_all(const struct od_rows *rows,
                                           const uint8_t id[OD_ID_BYTES]);

// Called for each entry of the order; false stops the walk.
typedef bool od_alarm_visit(void *context, const struct od_alarm_place *place);

// From [place] on, itself included.
OD_MUST_CHECK int od_alarm_order_walk(const struct od_env *env, MDB_txn *txn,
                                      const struct od_alarm_place *place, od_alarm_visit *visit,
                                      void *context);

#endif
