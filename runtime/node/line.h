// A line: the connection with another node, from the first byte to the last.
//
//   both:     NODE_HELLO, at once
//   dialler:  NODE_PROOF, when the other's hello fits
//   dialled:  NODE_PROOF, when the dialler's is right
//   both:     what nodes say to each other, and NODE_PING when they have nothing to say
//
// Who does not prove himself in time, or says anything else before, is cut and logged, and so is
// who says nothing for OD_NODE_SILENT_MS_MAX: a machine that has gone dark sends no end.
//
// Owner: the node's list of lines; freed when its descriptor is closed and it is over.

#ifndef OD_NODE_LINE_H
#define OD_NODE_LINE_H

#include "node/node_inner.h"

// Takes [fd], which may still be connecting; [neighbour] is whom we dial, or NULL. NULL: it cannot
// be watched.
struct od_line *od_line_new(struct od_node *node, int fd, struct od_neighbour *neighbour,
                            struct od_error *err);

// Cuts it; [why], for a person, is logged when the line was proved or that is news.
void od_line_cut(struct od_line *line, const char *why);

void od_lines_flush(struct od_node *node); // All that was put, once a turn.

#endif
