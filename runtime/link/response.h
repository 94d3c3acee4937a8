// An HTTP response as a message, from an object to the exchange that waits for it.
//
// Encoded: u16 status, u8 what comes with it, u32 worker, u64 number, headers (link/headers.h), str
// body. What comes with it has that number in that worker:
//
//   OD_RESPONSE_SOCKET   the WebSocket that takes the connection; exactly with status 101
//   OD_RESPONSE_EVENTS   the event stream that takes the connection
//   OD_RESPONSE_STREAM   the body, which is written piece by piece (object/stream.h); [body] is
//   empty

#ifndef OD_LINK_RESPONSE_H
#define OD_LINK_RESPONSE_H

#include "link/headers.h"

enum od_response_part {
    OD_RESPONSE_ALONE,
    OD_RESPONSE_SOCKET,
    OD_RESPONSE_EVENTS,
    OD_RESPONSE_STREAM,
    OD_RESPONSE_PARTS,
};

struct od_response {
    uint16_t status;
    uint32_t worker;
    uint64_t socket; // Which takes the connection; 0: none.
    bool is_events;  // It is an event stream.
    uint64_t stream; // 0: none.
    struct od_headers headers;
    od_slice body;
    size_t bytes; // Of the whole message.
};

size_t od_response_begin(struct od_bytes *bytes, uint16_t status);
size_t od_response_begin_with(struct od_bytes *bytes, uint16_t status, enum od_response_part part,
                              uint32_t worker, uint64_t number);
void od_response_end(struct od_bytes *bytes, size_t mark, uint32_t header_count, od_slice body);

// Slices into [message]; false when it is not a response.
OD_MUST_CHECK bool od_response_read(od_slice message, struct od_response *response);

bool od_response_is_alone(od_slice message); // Neither a socket nor a stream goes with it.

// A whole response of the runtime itself: a status and one line of plain text.
void od_response_put_plain(struct od_bytes *bytes, uint16_t status, const char *text);

#endif
