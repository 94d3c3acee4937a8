// The pair of setWebSocketAutoResponse: what is answered for an object without waking it.
//
// Owner: its object.

#ifndef OD_OBJECT_PARTS_AUTO_RESPONSE_H
#define OD_OBJECT_PARTS_AUTO_RESPONSE_H

#include "base/bytes.h"

struct od_auto_response {
    struct od_bytes request;
    struct od_bytes response;
};

struct od_auto_response *od_auto_response_new(od_slice request, od_slice response); // Copied.
void od_auto_response_free(struct od_auto_response *pair); // NULL is allowed.

#endif
