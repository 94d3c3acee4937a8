// What the two halves of a wire share: wire.c is its life, its reading and how it is shown, and
// wire_send.c what it sends.

#ifndef OD_NET_WIRE_INNER_H
#define OD_NET_WIRE_INNER_H

struct od_wire;

void od_wire_mark_dirty(struct od_wire *wire); // It has something to do in od_net_flush,
void od_wire_mark_late(struct od_wire *wire);  // and may do it later than others;
void od_wire_unmark(struct od_wire *wire);     // neither.
void od_wire_write(struct od_wire *wire);      // What the kernel takes; shown before.
void od_wire_drop_waiting(struct od_wire *wire);
void od_wire_fit_wishes(
    struct od_wire *wire); // What it wants may be another than it is watched for.

#endif
