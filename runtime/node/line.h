// A line: the connection with another node, from the first byte to the last.
//
//   both:     NODE_HELLO, at once
//   dialler:  NODE_PROOF, when the other's hello fits
//   dialled:  NODE_PROOF, when the dialler's is right
//   both:     what nodes say to each other, and NODE_PING when they have nothing to say
//
// What is dialled at another address than 127.0.0.1 (or ::1) is covered by a veil (tls/veil.h),
// whose key is made of the secret: nobody else reads it. Which address was dialled both sides see.
//
// Who does not prove himself in time, or says anything else before, is cut and logged, and so is
// who says nothing for OD_NODE_SILENT_MS_MAX: a machine that has gone dark sends no end.
//
// Owner: the node's list of lines; freed when its descriptor is closed and it is over.

#ifndef OD_NODE_LINE_H
#define OD_NODE_LINE_H

#include <sys/socket.h>

#include "node/node_inner.h"

// Takes [fd], which may still be connecting; [neighbour] is whom we dial, or NULL. NULL: it cannot
// be watched.
struct od_line *od_line_new(struct od_node *node, int fd, struct od_neighbour *neighbour,
                            bool is_veiled, struct od_error *err);

bool od_line_wants_veil(const struct sockaddr *dialled);

// Takes the connection of a stranger. Where there are too many of these, one of those is cut of
// whose address there are most.
void od_line_take_stranger(struct od_node *node, int fd);

// Cuts it; [why], for a person, is logged when the line was proved or that is news.
void od_line_cut(struct od_line *line, const char *why);

void od_lines_flush(struct od_node *node); // All that was put, once a turn.

#endif
