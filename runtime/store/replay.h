// What a journal has goes into LMDB, with nobody there to hear of it: at the start, and when a data
// directory is made from a backup.
//
// Private to the layer.

#ifndef OD_STORE_REPLAY_H
#define OD_STORE_REPLAY_H

#include "store/applier.h"

// An od_journal_play; [applier] is a struct od_applier.
bool od_replay_take(void *applier, const struct od_journal_moment *moment, od_slice submission,
                    struct od_error *err);

// What is left of it.
OD_MUST_CHECK bool od_replay_end(struct od_applier *applier, struct od_error *err);

#endif
