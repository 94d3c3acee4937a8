// Room for what LMDB will have to write: set aside before it is promised, so that a full disk is an
// error of who writes and not of who was told that all is well.
//
// LMDB writes over pages that nobody needs any more, and behind the end of its file. Blocks behind
// the end can be had in advance, without making the file longer. Where there are none, pages that
// are free will do: whoever deletes something on a full disk is let in.
//
// Private to the layer. Thread: the committer's. Functions return LMDB's and errno's codes.

#ifndef OD_STORE_ROOM_H
#define OD_STORE_ROOM_H

#include "store/env.h"

struct od_room {
    uint64_t end; // The data file has blocks up to there.
};

// For [bytes] more; 0 or why not.
OD_MUST_CHECK int od_room_set_aside(struct od_room *room, const struct od_env *env, uint64_t bytes);

#endif
