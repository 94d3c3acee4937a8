// A channel: messages between one worker here and one of another node, both ways.
//
// The worker has a link for it, as it has one to each neighbour in this machine. Its messages are
// looked at (passage.h) and cross in pieces, so that a large one holds nobody up. What is on its
// way and not taken by the worker on the other side is bounded: then the link is not read, and the
// worker sees that what it has put waits, as with a neighbour that is slow.
//
// Owner: the node's map of channels. One is there from the first of its link and its first piece;
// it ends with the worker here, or the one there, or the line.

#ifndef OD_NODE_CHANNEL_H
#define OD_NODE_CHANNEL_H

#include "node/node_inner.h"

// Takes [fd], the link of [worker] here to the worker that has [place].
void od_channel_pair(struct od_node *node, uint32_t worker, uint32_t place, int fd);

// From the line: NODE_PIECE and NODE_TAKEN. False: it makes no sense.
OD_MUST_CHECK bool od_channel_receive_piece(struct od_line *line, od_slice body);
OD_MUST_CHECK bool od_channel_receive_taken(struct od_line *line, od_slice body);

// That worker here has ended; or all workers of a seat, or one of them ([place]).
void od_channels_end_worker(struct od_node *node, uint32_t worker);
void od_channels_end_seat(struct od_node *node, uint32_t seat);
void od_channels_end_place(struct od_node *node, uint32_t place);

void od_channels_flush(struct od_node *node); // Once a turn.
void od_channels_close(struct od_node *node);

#endif
