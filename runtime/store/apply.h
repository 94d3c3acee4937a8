// Puts a submission into a write transaction: what the bytes of batch.h mean in LMDB.

#ifndef OD_STORE_APPLY_H
#define OD_STORE_APPLY_H

#include "store/batch.h"
#include "store/write.h"

// What others have to hear of.
struct od_changes {
    bool deleted_all;        // There is new trash.
    od_time_ms alarm_due_ms; // The earliest alarm that was set; OD_ALARM_NONE_MS: none was.
};

// The submission must be valid (od_submission_is_valid). Returns LMDB's codes; after any but 0
// the transaction is good only for od_write_abort. [changes] gathers what came of it.
OD_MUST_CHECK int od_apply_submission(struct od_write *write, od_slice submission,
                                      struct od_changes *changes);

#endif
