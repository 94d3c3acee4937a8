// What a journal has goes into LMDB, with nobody there to hear of it: at the start, and when a data
// directory is made from a backup.
//
// Private to the layer.

#ifndef OD_STORE_REPLAY_H
#define OD_STORE_REPLAY_H

#include "base/error.h"
#include "store/applier.h"

struct od_replay {
    struct od_applier applier;
    struct od_gathering gathering;
};

// 0, or LMDB's code; to be deinitialised then, too.
OD_MUST_CHECK int od_replay_init(struct od_replay *replay, struct od_env *env);
void od_replay_deinit(struct od_replay *replay);

// An od_journal_play; [replay] is a struct od_replay.
bool od_replay_take(void *replay, const struct od_journal_moment *moment, od_slice submission,
                    struct od_error *err);

// What is left of it.
OD_MUST_CHECK bool od_replay_end(struct od_replay *replay, struct od_error *err);

#endif
