// A method call as a message: the name of the method and its arguments.
//
// Encoded: u8 size of the name, the name, a zero byte, then the arguments as bindings/value/value.h
// writes a list. The zero is there so that the name can be used as it stands.

#ifndef OD_LINK_INVOCATION_H
#define OD_LINK_INVOCATION_H

#include "base/bytes.h"
#include "base/check.h"

#define OD_METHOD_BYTES_MAX 255

struct od_invocation {
    od_slice method; // With a zero behind it.
    od_slice arguments;
};

// Writes what stands before the arguments.
void od_invocation_begin(struct od_bytes *bytes, od_slice method);

// Slices into [message]; false when it is not a method call.
OD_MUST_CHECK bool od_invocation_read(od_slice message, struct od_invocation *invocation);

#endif
