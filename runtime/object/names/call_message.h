// The message of a call: whom it is for and what is asked. What main knows of calls, too.

#ifndef OD_OBJECT_NAMES_CALL_MESSAGE_H
#define OD_OBJECT_NAMES_CALL_MESSAGE_H

#include "base/bytes.h"
#include "object/names/id.h"

enum od_call_kind {
    OD_CALL_FETCH,   // A request (link/request.h); answered with a response (link/response.h).
    OD_CALL_METHOD,  // A method call (link/invocation.h); answered with results.
    OD_CALL_COMMAND, // Of an operator (link/commands.h); answered with what it gives.
    OD_CALL_LIST,    // Of one, too, to a worker: u32 which, and what is to be told of the objects
                     // there (operator/inspection.h). It names no object.
    OD_CALL_KINDS,
};

enum od_call_outcome { // Of a REPLY.
    OD_OUTCOME_FAILURE,
    OD_OUTCOME_RESPONSE,
    OD_OUTCOME_RESULTS,
};

// Writes what stands before the request or method call: whom it is for. Both together are the
// message of a call, which a CALL carries and an effect OD_EFFECT_CALL holds: 32 bytes id, str
// namespace, u8 has name, str name, u8 kind, and to the end what is asked.
void od_call_begin(struct od_bytes *bytes, enum od_call_kind kind, const od_id *id,
                   od_slice namespace_name, bool has_name, od_slice name);

struct od_call_message {
    od_id id;
    od_slice namespace_name;
    bool has_name;
    od_slice name;
    enum od_call_kind kind;
    od_slice body;           // What is asked.
    struct od_bytes *memory; // What is nothing but that, and may be taken; else NULL.
};

// Slices into [bytes]; false when that is no call.
OD_MUST_CHECK bool od_call_read_message(od_slice bytes, struct od_call_message *message);

#endif
