// A backup: a directory with a base, the segments of the journal behind it, and a note of both. It
// is made while others write, or nobody does, and nobody has to wait for it.
//
// It has all that was durable when the last segment was looked at; that moment is told.
//
//   base.<group>   one base (base.h): all of LMDB as of that group
//   <group>        the segments of the journal from there on, each by the number of its first group
//   backup         the note, OD_BACKUP_NAME; until all is there, the rest lies in a folder
//                  (unfinished.h)
//
// The note is lines of text, its times in ms since 1970:
//
//   open-do backup 1
//   of <journal>          whose it is, in hexadecimal digits
//   base <group> <time>   the last group that the base has,
//   last <group> <time>   and the last that the segments have
//   at <time>             up to then nothing is missing
//   bytes <count>         of all files but this one
//   sum <crc>             of the lines above, eight hexadecimal digits
//
// Process: any that may block and has not opened the data directory.

#ifndef OD_STORE_BACKUP_H
#define OD_STORE_BACKUP_H

#include "store/base.h"

#define OD_BACKUP_NAME "backup"

struct od_backup {
    struct od_journal_mark base;   // Whose it is, and where it begins,
    struct od_journal_moment last; // its last group,
    od_time_ms at_ms;              // and the moment up to which nothing is missing.
    uint64_t bytes;                // Of all files.
};

// Makes the directory [to] from the data directory [from]; see unfinished.h.
OD_MUST_CHECK bool od_backup_make(struct od_backup *backup, const char *from, const char *to,
                                  struct od_progress *progress, struct od_error *err);

// The note in [directory]. [is_there] is false when it has none.
OD_MUST_CHECK bool od_backup_look(struct od_backup *backup, const char *directory, bool *is_there,
                                  struct od_error *err);

#endif
