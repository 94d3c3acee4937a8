// Room for what LMDB will have to write: set aside before it is promised, so that a full disk is an
// error of who writes and not of who was told that all is well.
//
// LMDB writes over pages that nobody needs any more, and behind the end of its file. Blocks behind
// the end can be had in advance, without making the file longer. Where there are none, pages that
// are free will do: whoever deletes something on a full disk is let in. Only those count that the
// next transaction can take: none that the last one has freed, and for a large value, which lies in
// one piece, none by itself.
//
// Private to the layer. Functions return LMDB's and errno's codes.

#ifndef OD_STORE_ROOM_H
#define OD_STORE_ROOM_H

#include "store/env.h"

// What is to be written.
struct od_unapplied {
    size_t bytes, count; // Of submissions.
    size_t operations;
    size_t value_bytes; // Of the largest.
};

// Thread: the committer's.
struct od_room {
    uint64_t end; // The data file has blocks up to there.
};

// For that much more; 0 or why not.
OD_MUST_CHECK int od_room_set_aside(struct od_room *room, const struct od_env *env,
                                    const struct od_unapplied *unapplied);

// Whether the disk has no blocks for it. A write that finds room for a part is EIO to LMDB, and
// this says what it was. Thread: any.
bool od_room_is_lacking(const struct od_env *env, const struct od_unapplied *unapplied);

#endif
