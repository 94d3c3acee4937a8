// What a connection is allowed until a worker has it.
//
// Times are on the monotonic clock, so a spec can turn them.

#ifndef OD_MAIN_DOOR_LIMITS_H
#define OD_MAIN_DOOR_LIMITS_H

#define OD_LISTEN_BACKLOG 4096 // The system may cut it: net.core.somaxconn.
#define OD_ACCEPTS_A_TURN_MAX 64
#define OD_ACCEPT_RETRY_MS 100 // When there were no descriptors left.

#define OD_ARRIVALS_MAX 4096         // Connections whose first request head is not whole yet.
#define OD_ARRIVAL_MS_MAX 10000      // From accept to the end of that head: 408.
#define OD_ARRIVAL_MS_MIN 1000       // So long nobody is put out for a newer connection.
#define OD_ARRIVAL_WAIT_MS_MAX 10000 // For a worker that is being replaced: 503.
#define OD_RETURN_IDLE_MS_MAX 60000  // Between two requests, as in a worker (net/limits.h).
#define OD_HANDSHAKE_US 2000  // So long main waits for those that have begun, when it leaves.
#define OD_LINGER_MS_MAX 2000 // From our refusal to the client's end of the connection.
#define OD_LINGER_BYTES_MAX (256u << 10)

#endif
