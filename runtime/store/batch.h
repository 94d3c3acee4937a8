// A batch: what one object wrote in one synchronous stretch. All of it is stored or nothing.
//
// Workers encode batches and put those of one turn behind one another: a submission, which has one
// sequence number and goes to the committer as one message. Nothing in it knows LMDB, so the same
// bytes can go to a journal or to another machine.
//
// Encoded: u32 size of what follows, identity (identity.h), then operations: u8 kind, and
//   PUT: str key, str value · DELETE: str key · DELETE_ALL: nothing (takes alarms too)
//   SET_ALARM: row without a body (alarm.h) · DELETE_ALARM: nothing
//   SET_NAMED_ALARM: str name, str row · DELETE_NAMED_ALARM: str name
//   PUT_PAGE: u32 page, str squeezed (squeeze.h) · DELETE_PAGE: u32 page.
// An operation sees what those before it did. New kinds are new numbers.
//
// Order: od_batch_begin, operations, od_batch_end; between begin and end nothing else may be put
// into the same bytes.

#ifndef OD_STORE_BATCH_H
#define OD_STORE_BATCH_H

#include "base/bytes.h"
#include "base/check.h"
#include "base/cursor.h"
#include "store/alarm.h"
#include "store/identity.h"

// Numbers a worker's submissions, from 1 up; 0 means "none".
typedef uint64_t od_seq;

#define OD_SEQ_UNKNOWN UINT64_MAX // Not sealed yet, and not to be for a while.

enum od_operation_kind {
    OD_OPERATION_PUT = 1,
    OD_OPERATION_DELETE = 2,
    OD_OPERATION_DELETE_ALL = 3,
    OD_OPERATION_SET_ALARM = 4,
    OD_OPERATION_DELETE_ALARM = 5,
    OD_OPERATION_PUT_PAGE = 6,
    OD_OPERATION_DELETE_PAGE = 7,
    OD_OPERATION_SET_NAMED_ALARM = 8,
    OD_OPERATION_DELETE_NAMED_ALARM = 9,
    OD_OPERATION_KINDS,
};

struct od_operation {
    enum od_operation_kind kind;
    od_slice key;        // PUT, DELETE; of alarms the name
    od_slice value;      // PUT, PUT_PAGE; of alarms that are set the row
    uint32_t page;       // PUT_PAGE, DELETE_PAGE
    od_time_ms alarm_ms; // Of alarms that are set: when they are due
};

// A batch as it is read: its head, and a cursor that stands before the next operation.
struct od_batch {
    struct od_identity identity;
    struct od_cursor operations;
};

size_t od_batch_begin(struct od_bytes *bytes,
                      const struct od_identity *identity); // For od_batch_end.
void od_batch_put(struct od_bytes *bytes, od_slice key, od_slice value);
void od_batch_delete(struct od_bytes *bytes, od_slice key);
void od_batch_delete_all(struct od_bytes *bytes);
// With an empty name it is the alarm, without a body.
void od_batch_set_alarm(struct od_bytes *bytes, od_slice name, od_slice row);
void od_batch_delete_alarm(struct od_bytes *bytes, od_slice name);
void od_batch_put_page(struct od_bytes *bytes, uint32_t page, od_slice squeezed);
void od_batch_delete_page(struct od_bytes *bytes, uint32_t page);
void od_batch_end(struct od_bytes *bytes, size_t begin);

// The next batch of a submission, the next operation of a batch; false at the end and at bytes that
// are wrong, which leave the cursor failed.
bool od_batch_next(struct od_cursor *submission, struct od_batch *batch);
bool od_operation_next(struct od_batch *batch, struct od_operation *operation);

// Reads a whole submission and says whether every field and every limit is right.
OD_MUST_CHECK bool od_submission_is_valid(od_slice submission);
// The same; [sets_alarm] becomes true when one of its operations does.
OD_MUST_CHECK bool od_submission_look(od_slice submission, bool *sets_alarm);

#endif
