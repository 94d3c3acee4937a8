// What a connection brings along when it turns from an exchange into a WebSocket or event stream.
//
// The exchange that read the request may be in another worker than the object that answers it, so
// all that was agreed on travels as bytes, beside the descriptor. It does so, too, when both are in
// one worker, where the wire stays and nothing that waits on it is in the record.
//
// The same record takes a WebSocket from one worker to the one in its place, at rest or in the
// middle of something, also to a later version of the program (main/takeover.h).
//
// Encoded: str output, u8 window bits, u8 is client, str protocol, str url, str input, u8 has
// closed, u8 is events.

#ifndef OD_CODEC_UPGRADE_RECORD_H
#define OD_CODEC_UPGRADE_RECORD_H

#include "base/bytes.h"
#include "base/check.h"

struct od_upgrade_record {
    od_slice output;     // To be sent first: what has not left yet, the head of the 101.
    uint8_t window_bits; // Of permessage-deflate; 0: not agreed on.
    bool is_client;      // We asked for the upgrade: our frames are masked, the peer's are not.
    bool is_events;      // An event stream: nothing is read, and frames are server-sent events.
    od_slice protocol;   // The subprotocol; empty: none.
    od_slice url;        // Of the request.
    od_slice input;      // Read and not dealt with: the first frames, or the latest.
    bool has_closed;     // We have sent Close, and wait for the peer's.
};

void od_upgrade_record_put(struct od_bytes *bytes, const struct od_upgrade_record *record);

bool od_upgrade_record_is_events(od_slice bytes); // False also for what is no record.

// Slices into [bytes]; false when it is no such record.
OD_MUST_CHECK bool od_upgrade_record_read(od_slice bytes, struct od_upgrade_record *record);

#endif
