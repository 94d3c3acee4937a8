// SQL of an operator that reads: answered without the object's code, as any look is (look.h).
//
// A statement that writes is not run here: it has to pass the inbox, and the asker sends it again
// as the command that does.
//
// Process: workers.

#ifndef OD_OBJECT_OPERATOR_LOOK_SQL_H
#define OD_OBJECT_OPERATOR_LOOK_SQL_H

#include "base/cursor.h"
#include "store/storage.h"

// [sent]: str statement, u32 count, bindings (sql/sql.h). Found: u8 it would write, and nothing
// else; or 0, u32 columns, u64 rows, u64 rows read, and a result (sql/sql.h).
OD_MUST_CHECK bool od_look_sql(struct od_storage *storage, struct od_cursor *sent,
                               struct od_bytes *found, struct od_error *err);

#endif
