// The access log: a line for each request, and for the beginning and the end of each WebSocket.
//
// For the person who develops (`open-do dev`, --log-requests). Requests are noted in the worker
// that has the connection, when the answer goes: `GET /rooms/lobby 200 1.2 ms`, under the name of
// the object when it lives in the same worker. Off, a request costs one look at a flag. What stands
// behind the "?" of a URL may be a secret (a token, a name), so it is noted with --log-queries
// only, and for the person who develops.
//
// Owner: an access belongs to its call, which frees it.

#ifndef OD_OBJECT_PARTS_ACCESS_LOG_H
#define OD_OBJECT_PARTS_ACCESS_LOG_H

#include "base/slice.h"

struct od_access {
    uint64_t began_ns;
    uint32_t size;
    uint32_t method_size;
    uint32_t peer_size;
    char text[]; // "GET /rooms/lobby", not longer than OD_ACCESS_BYTES_MAX, and the peer.
};

#define OD_ACCESS_BYTES_MAX 200

// [request]: a message of link/request.h. NULL: that is none.
struct od_access *od_access_log_begin(od_slice request, bool with_query);

// Its answer goes. [label]: of the object that has made it, if that is here; else NULL.
void od_access_log_end(const struct od_access *access, uint16_t status, const char *label,
                       uint32_t version);

struct od_access_socket {
    const char *label; // Of its object.
    uint64_t id;
    bool is_events;
};

void od_access_log_opened(const struct od_access_socket *socket);
void od_access_log_closed(const struct od_access_socket *socket, uint16_t code, od_slice reason);

#endif
