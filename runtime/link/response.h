// An HTTP response as a message, from an object to the exchange that waits for it.
//
// Encoded: u16 status, u32 worker, u64 socket, headers (link/headers.h), str body. [socket] is not
// 0 exactly when [status] is 101: the WebSocket of that number in that worker takes the connection.

#ifndef OD_LINK_RESPONSE_H
#define OD_LINK_RESPONSE_H

#include "link/headers.h"

struct od_response {
    uint16_t status;
    uint32_t worker;
    uint64_t socket;
    struct od_headers headers;
    od_slice body;
};

size_t od_response_begin(struct od_bytes *bytes, uint16_t status, uint32_t worker, uint64_t socket);
void od_response_end(struct od_bytes *bytes, size_t mark, uint32_t header_count, od_slice body);

// Slices into [message]; false when it is not a response.
OD_MUST_CHECK bool od_response_read(od_slice message, struct od_response *response);

// A whole response of the runtime itself: a status and one line of plain text.
void od_response_put_plain(struct od_bytes *bytes, uint16_t status, const char *text);

#endif
