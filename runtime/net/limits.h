// The limits of the transport: what a client may send, and how long it may take.
//
// Each worker has one copy in its struct od_net, so that options and specs can set others. Sizes
// count what is held in memory for one connection; times are deadlines on the monotonic clock.

#ifndef OD_NET_LIMITS_H
#define OD_NET_LIMITS_H

#include <stddef.h>

#include "base/clock.h"

struct od_net_limits {
    size_t body_bytes_max;         // Of a request: 413. Must fit into a message between workers.
    size_t answer_queue_bytes_max; // Waiting for a slow reader; then no next request is begun.
    size_t message_bytes_max;      // Of a WebSocket message, after inflating: Close 1009.
    size_t
        socket_send_queue_bytes_max; // Waiting for a slow reader, beside one message: Close 1013.

    od_time_ms head_ms;  // From the first byte of a request head to its last: 408.
    od_time_ms body_ms;  // From one piece of a body to the next, and for all of it beside what its
                         // size takes at OD_NET_RATE_MIN: 408. The same for a message: Close 1008.
    od_time_ms idle_ms;  // Between two requests of a connection: closed without a word.
    od_time_ms close_ms; // From our Close frame to the peer's: 1006.
    od_time_ms
        linger_ms; // From the last byte we mean to send to the peer's end of the stream: cut.
};

#define OD_NET_LIMITS_DEFAULT                                                                      \
    ((struct od_net_limits){.body_bytes_max = 32u << 20,                                           \
                            .answer_queue_bytes_max = 64u << 10,                                   \
                            .message_bytes_max = 32u << 20,                                        \
                            .socket_send_queue_bytes_max = 8u << 20,                               \
                            .head_ms = 10000,                                                      \
                            .body_ms = 30000,                                                      \
                            .idle_ms = 60000,                                                      \
                            .close_ms = 10000,                                                     \
                            .linger_ms = 5000})

// Of all connections of one worker together: what has come of bodies and messages that are not
// whole, and of requests that have no answer yet; and what waits to be sent. Beyond it only what is
// small goes on: others are refused, with 503 or Close 1013.
#define OD_NET_COMING_BYTES_MAX ((size_t)256 << 20)
#define OD_NET_GOING_BYTES_MAX ((size_t)256 << 20)
#define OD_NET_SMALL_BYTES (64u << 10)
#define OD_NET_BODY_WINDOW_BYTES (128u << 10) // Of a body in pieces: read and not taken.
#define OD_NET_FLUSH_US 3000                  // In which a turn sends what is for some sockets,
#define OD_NET_FLUSH_LATE_US 1000             // and then what is late (net.h).
#define OD_NET_LATE_MAX 500  // Wires that are late before an object that sends to many waits.
#define OD_NET_RATE_MIN 4096 // Bytes a second, on the whole.

// What compressed messages may become at once, of one socket; what is larger is inflated in pieces
// of so much, in line with others, and of that line so much in one turn of the loop. Several are on
// their way at a time, so that a small one does not wait for large ones, until they are so much
// together; then one of them is made whole.
#define OD_NET_INFLATE_AT_ONCE_BYTES (64 << 10)
#define OD_NET_INFLATE_PIECE_BYTES (64 << 10)
#define OD_NET_INFLATE_TURN_BYTES (128 << 10)
#define OD_NET_INFLATING_BYTES_MAX (64 << 20)

#endif
