// Alarms in a transaction: the row of one object, and the order of all (alarm.h).
//
// Functions return LMDB's codes; 0 is good, MDB_NOTFOUND: no alarm.

#ifndef OD_STORE_ALARM_ROWS_H
#define OD_STORE_ALARM_ROWS_H

#include "store/alarm.h"
#include "store/rows.h"

OD_MUST_CHECK int od_alarm_row_get(const struct od_rows *rows, struct od_alarm *alarm);

// Sets the alarm of the object with [id], whose rows are [rows], in place of the one it has.
OD_MUST_CHECK int od_alarm_row_put(const struct od_rows *rows, const uint8_t id[OD_ID_BYTES],
                                   const struct od_alarm *alarm);
OD_MUST_CHECK int od_alarm_row_delete(const struct od_rows *rows,
                                      const uint8_t id[OD_ID_BYTES]); // Also when there is none.

// Called for each entry of the order; false stops the walk.
typedef bool od_alarm_visit(void *context, const struct od_alarm_place *place);

// From [place] on, itself included.
OD_MUST_CHECK int od_alarm_order_walk(const struct od_env *env, MDB_txn *txn,
                                      const struct od_alarm_place *place, od_alarm_visit *visit,
                                      void *context);

#endif
