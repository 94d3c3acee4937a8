// Dialling: a WebSocket to a place outside is opened, up to the point where it is as one that was
// accepted.
//
// libcurl looks the name up, connects, and with wss begins TLS, under the rules of every fetch
// (reach.h). The descriptor then goes to a wire of ours, on which the handshake is spoken
// (codec/client_handshake.h); with wss it is the inner end of a tunnel (tunnel.h). What comes of it
// is a descriptor and a record (codec/upgrade_record.h), as an exchange gives them for a 101.
//
// At most OD_DIALS_MAX run at once in a worker; others wait, oldest first. Each has OD_DIAL_MS_MAX,
// from when it runs.
//
// Process: worker.

#ifndef OD_NET_DIAL_H
#define OD_NET_DIAL_H

#include "base/bytes.h"
#include "base/error.h"
#include "net/net.h"

#define OD_DIALS_MAX 64
#define OD_DIAL_MS_MAX 30000
#define OD_DIAL_URL_BYTES_MAX 4096

struct od_dial_way {
    od_slice url;       // As od_dial_check has found it right.
    od_slice protocols; // A comma list of tokens; empty: none.
    od_slice headers;   // Encoded, with their count (link/headers.h).
};

// Whether [url] can be dialled: ws or wss, with a host; http and https mean the same, as in
// browsers.
OD_MUST_CHECK bool od_dial_check(od_slice url, struct od_error *err);

// [number] is the caller's and not dialled now. The event [dialled] tells of it, later and once.
// Slices are copied.
void od_dial_start(struct od_net *net, uint64_t number, const struct od_dial_way *way);
void od_dial_cancel(struct od_net *net, uint64_t number); // Also when there is none.

bool od_dials_are_running(const struct od_net *net); // Or wait to.

void od_dials_free(struct od_net *net); // All of them, before the net goes.

#endif
