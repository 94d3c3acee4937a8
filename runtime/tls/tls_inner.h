// What the process of TLS consists of, for the files of this folder only.
//
// Process: tls; Thread: the loop's. Owner: od_tls_main.

#ifndef OD_TLS_TLS_INNER_H
#define OD_TLS_TLS_INNER_H

#include "base/list.h"
#include "link/link.h"
#include "link/loop.h"
#include "tls/certificates.h"

enum {
    OD_TLS_PIECE_BYTES = 16384,      // A record of TLS holds no more.
    OD_TLS_PIECES_A_TURN_MAX = 8,    // Before others have a go.
    OD_TLS_HANDSHAKE_MS_MAX = 10000, // As for the head of a request.
    OD_TLS_LOOK_MS = 2000,           // How often it is looked whether certificates are others.
    OD_TLS_END_MS_MAX = 2000,        // From the end of main to that of what stands.
};

struct od_tls_piece {      // Bytes that one side has sent and the other has not taken.
    struct od_bytes bytes; // Empty most of the time, and then without memory.
    size_t taken;
};

struct od_tls_connection {
    struct od_tls *tls;
    struct od_list link;
    SSL *ssl;
    int outer_fd, inner_fd;
    uv_poll_t outer_poll, inner_poll;
    int open_polls;
    struct od_timer deadline; // Of the handshake.
    struct od_tls_piece up;   // From the client,
    struct od_tls_piece down; // and to it.
    struct od_timer again;    // It has more to do, of which no descriptor tells.
    int outer_polled, inner_polled;
    bool outer_is_readable, inner_is_readable; // Perhaps.
    bool is_established;
    bool wants_write; // OpenSSL cannot go on before the client takes something.
    bool outer_has_ended, inner_has_ended;
    bool is_over;
};

struct od_tls {
    const struct od_options *options;
    struct od_loop loop;
    struct od_link main;
    bool has_link;
    struct od_certificates certificates;
    struct od_list connections;
    size_t connection_count;
    int outer_fd; // It came; the other end of its way has not yet.
    struct od_timer look_timer, end_timer;
    bool is_over;
    bool is_retired; // No more connections come: it ends with the last.
    uv_signal_t retire_signal;
    char piece[OD_TLS_PIECE_BYTES]; // What is read, before somebody takes it.
};

#endif
