// A tunnel: the bytes of a descriptor that rode along a message, both ways.
//
// A descriptor cannot cross machines. So it stays here, a pair is made there, one end of which
// rides along in its place, and what comes out of one descriptor goes into the other. What is on
// its way and not taken is bounded. The end of one side is the end of that side there.
//
// Owner: its line. It ends with it, or when both sides have ended.

#ifndef OD_NODE_TUNNEL_H
#define OD_NODE_TUNNEL_H

#include "node/node_inner.h"

// Takes [fd]. Its number, for the message; 0: there are too many, and it is closed.
uint64_t od_tunnel_begin(struct od_line *line, int fd);

// The other side has begun one: the descriptor that stands for it, which the caller has to close;
// -1: there is none, and the other side hears so.
int od_tunnel_follow(struct od_line *line, uint64_t number);

// From the line. False: it makes no sense.
OD_MUST_CHECK bool od_tunnel_receive_piece(struct od_line *line, od_slice body);
OD_MUST_CHECK bool od_tunnel_receive_taken(struct od_line *line, od_slice body);
OD_MUST_CHECK bool od_tunnel_receive_end(struct od_line *line, od_slice body);

void od_tunnels_close(struct od_line *line);

#endif
