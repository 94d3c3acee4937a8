// What the two halves of a wire share: wire.c is its life, its reading and how it is shown, and
// wire_send.c what it sends.

#ifndef OD_NET_WIRE_INNER_H
#define OD_NET_WIRE_INNER_H

#include "base/bytes.h"
#include "base/timers.h"

struct od_frame_shared;
struct od_net;
struct od_wire;

// What was put on a wire and is not sent: a frame that is shared, bytes of its own, and a file, in
// this order. It is there while something waits, and from the close of the wire to its end. One
// that is over goes to the next wire that puts something, with its buffer.
struct od_going {
    struct od_wire *wire;
    struct od_frame_shared *shared; // One frame that is not copied,
    od_slice shared_left;           // and what of it is not yet sent.
    struct od_bytes out;            // Then these,
    size_t out_sent;                // of which so many are sent,
    size_t counted_bytes;           // and so many counted.
    uint64_t file_at, file_left;    // Last so much of a file, from here on.
    int file;                       // Its descriptor, while [file_left] is not 0.
    od_time_ms taken_ms;            // When the kernel took some of it last, or it began to wait.
    struct od_timer linger;         // Of one that is closing: no longer than this.
};

struct od_going *od_wire_going(struct od_wire *wire); // Made, when it has none.
void od_wire_linger(struct od_wire *wire);            // From now on, anew.

void od_wire_mark_dirty(struct od_wire *wire); // It has something to do in od_net_flush,
void od_wire_mark_late(struct od_wire *wire);  // and may do it later than others;
void od_wire_unmark(struct od_wire *wire);     // neither.
void od_wire_write(struct od_wire *wire);      // What the kernel takes; shown before.
void od_wire_drop_waiting(struct od_wire *wire);
void od_wire_fit_wishes(
    struct od_wire *wire); // What it wants may be another than it is watched for.

void od_wire_free_spares(struct od_net *net); // At its end.

#endif
