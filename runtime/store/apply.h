// Puts a submission into a write transaction: what the bytes of batch.h mean in LMDB.

#ifndef OD_STORE_APPLY_H
#define OD_STORE_APPLY_H

#include "store/batch.h"
#include "store/write.h"

// The submission must be valid (od_submission_is_valid). Returns LMDB's codes; after any but 0
// the transaction is good only for od_write_abort. [deleted_all] is set when there is new trash.
OD_MUST_CHECK int od_apply_submission(struct od_write *write, od_slice submission,
                                      bool *deleted_all);

#endif
