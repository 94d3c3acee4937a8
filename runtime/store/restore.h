// Making a data directory of what was kept of one: a backup, an archive (a folder of bases and
// segments), or another data directory with its history.
//
// The latest base that is not too late becomes the data file, and the groups behind it are put
// there. What is made is a directory of its own: its journal begins with a new id, so that nothing
// of the one before is taken for a part of it.
//
// Process: any that may block and has not opened the directories.

#ifndef OD_STORE_RESTORE_H
#define OD_STORE_RESTORE_H

#include "store/base.h"

struct od_restore {
    const char *from;
    const char *to;               // NULL: all is read and nothing is made.
    od_time_ms until_ms;          // Nothing later than this; 0: all there is.
    uint64_t until_group;         // Nothing behind this group; 0: all there is.
    struct od_progress *progress; // May be NULL.

    struct od_journal_moment last; // Result: the last group, or that of the base.
    uint64_t bytes;                // And how large the base was.
    struct od_error passed_over;   // Why the data file was of no use, though a base was; or "".
};

OD_MUST_CHECK bool od_restore_run(struct od_restore *restore, struct od_error *err);

#endif
