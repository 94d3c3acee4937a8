// Reading a journal without writing to it: one that another process writes, or what was kept of one
// (a backup, an archive).
//
// Whoever reads a journal that is written holds it first: while he does, no segment of it is used
// again or dropped. A hold is a lock of the kernel on the folder, so one who dies lets go.
//
// Process: any. Thread: any.

#ifndef OD_STORE_JOURNAL_READ_H
#define OD_STORE_JOURNAL_READ_H

#include "store/journal_visit.h"

// To be closed; -1 with errno. A folder that is not there is held by nobody.
int od_journal_hold(const char *folder);

// Visits all behind [mark] in the segments of [folder]. [last] is the last group that was seen, or
// the mark's. What is damaged, missing or of another data directory refuses, with what can be had.
OD_MUST_CHECK bool od_journal_read(const char *folder, const struct od_journal_mark *mark,
                                   const struct od_journal_visit *visit,
                                   struct od_journal_moment *last, struct od_error *err);

#endif
