// Why a call to an object failed, as bytes: the answer that is none.
//
// It crosses workers, waits in events, and ends as the error that the caller's script sees, a table
// whose fields stand here. What the runtime knows are flags; what else the script put into its
// error travels along as it is.
//
// Encoded: u8 flags, u8 has id, 32 bytes id, str message, fields to the end.

#ifndef OD_LINK_FAILURE_H
#define OD_LINK_FAILURE_H

#include "base/bytes.h"
#include "base/check.h"

#define OD_FAILURE_ID_BYTES 32

enum od_failure_flag {
    OD_FAILURE_REMOTE = 1,     // It comes from the code of the object that was called.
    OD_FAILURE_RESET = 2,      // That object has lost its instance with it.
    OD_FAILURE_OVERLOADED = 4, // Too much waits there already: trying again makes it worse.
    OD_FAILURE_ELSEWHERE = 16, // Between nodes: nothing has begun, for the object is not there.
    OD_FAILURE_RETRYABLE = 8,  // Passing trouble of the runtime: the same may work in a moment.
};

struct od_failure {
    uint8_t flags;
    od_slice id; // Of the object that was called; empty when the call did not get so far.
    od_slice message;
    od_slice fields; // (str key, str value as bindings/value/value.h writes it)*
};

void od_failure_put(struct od_bytes *bytes, const struct od_failure *failure);

// Slices into [record]; false when it is not a failure.
OD_MUST_CHECK bool od_failure_read(od_slice record, struct od_failure *failure);

#endif
