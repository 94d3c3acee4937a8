// What LMDB says about the journal: whose it is, and up to where it is applied. It is written by
// the transaction that applies, so the two never disagree.
//
// Private to the layer. Functions return LMDB's codes; 0 is good.

#ifndef OD_STORE_JOURNAL_MARK_H
#define OD_STORE_JOURNAL_MARK_H

#include "store/journal.h"
#include "store/write.h"

// A data file that has none gets one: a new id, and nothing applied.
OD_MUST_CHECK int od_journal_mark_load(struct od_journal_mark *mark, struct od_env *env);
// Gives it a new id: what follows is another history than that of the file it was copied from.
OD_MUST_CHECK int od_journal_mark_renew(struct od_journal_mark *mark, struct od_env *env);
OD_MUST_CHECK int od_journal_mark_put(const struct od_journal_mark *mark, struct od_write *write);

#endif
