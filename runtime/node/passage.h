// What may pass between workers of two nodes, and with which numbers.
//
// Only what one worker says to another passes, and only in its right form: a node, like a worker,
// may be in strange hands. Some messages name workers, and these have other numbers on the other
// side; they are put in their place.

#ifndef OD_NODE_PASSAGE_H
#define OD_NODE_PASSAGE_H

#include "base/bytes.h"
#include "base/check.h"
#include "link/kinds.h"

// Puts the number of the other side into [worker]. False: that one is not known.
typedef bool od_passage_turn(void *owner, uint32_t *worker);

// Whether [body] may pass; its numbers are turned. False: it is nothing a worker says to another,
// or not whole, or it names somebody unknown.
OD_MUST_CHECK bool od_passage(enum od_kind kind, struct od_bytes *body, od_passage_turn *turn,
                              void *owner);

#endif
