// The journal: groups of submissions that are on the disk, though LMDB does not have them yet.
//
// LMDB's commit costs two syncs and a copy of each page it touches. A group that is written here
// costs one sync and its own bytes, and is durable then; LMDB takes many groups at once, later
// (applier.h). Whatever happens in between, the next start plays what LMDB has not seen.
//
// Segments: files in journal/ beside data.mdb, named by the sequence number of their first group.
// They are as long as they will ever be from the start, and used again once LMDB has all that is in
// them: a write over what was written before costs the file system nothing. In a new one zeros are
// written ahead of the groups, many blocks at once: blocks that were only promised by the file
// system would make it write down, with each group, that they are used now. What stood there before
// is known by its sequence number.
//
// A segment: a head (8 bytes OD_JOURNAL_MAGIC, u32 version, u32 check sum of what follows, 16 bytes
// id of the data directory, u64 first sequence), and from OD_JOURNAL_BLOCK_BYTES on groups, each at
// a multiple of that, so that no write ever touches what was acknowledged before. A group: u32
// mark, u32 check sum of what follows, u32 size of the submissions, u32 check sum of the group
// before (0: not known), u64 sequence, u64 wall clock, 16 bytes id, and (str submission)*. The
// check sum is zlib's CRC-32: it is linked already, and as good for this as any.
//
// A clock can be set back. So the time of a group (od_journal_moment) is what the clock said or, if
// that is later, the time of the group before: no later group is the older one.
//
// A data directory that was copied goes on twice, with other groups by the same numbers. So each
// group names the one before it: what two of them wrote is never played as one.
//
// At the start: a last group that is torn was never acknowledged and is written over. Anything else
// that is not whole refuses to be opened, with the place: to go on would be to forget what was
// promised.
//
// Process: main. Thread: the committer's, but opening and closing.

#ifndef OD_STORE_JOURNAL_H
#define OD_STORE_JOURNAL_H

#include "base/error.h"
#include "base/slice.h"
#include "store/journal_visit.h"

struct od_journal;

// Makes what is missing, and plays what LMDB does not have. Only a writer opens it.
OD_MUST_CHECK bool od_journal_open(struct od_journal **journal, const char *directory,
                                   const struct od_journal_mark *mark, od_journal_play *play,
                                   void *context, struct od_error *err);
void od_journal_close(struct od_journal *journal); // NULL is allowed.

// One group: begin, put, commit. 0: it is on the disk, as od_journal_last. Any other code is
// errno's, and nothing was written; but od_journal_broken.
void od_journal_begin(struct od_journal *journal);
void od_journal_put(struct od_journal *journal, od_slice submission);
OD_MUST_CHECK int od_journal_commit(struct od_journal *journal);
struct od_journal_moment od_journal_last(const struct od_journal *journal);

// Why nothing more can be written: it is unknown what the disk has of the last group, or somebody
// took the segment's name away. 0: all is well.
int od_journal_broken(const struct od_journal *journal);

// LMDB has all up to [sequence]: segments before that can be used again, unless somebody holds them
// (journal_read.h) or they are kept.
void od_journal_applied(struct od_journal *journal, uint64_t sequence);

// Segments with groups behind [sequence] are kept. OD_JOURNAL_KEEPS_NONE, which is so at first: no
// segment is kept when LMDB has it, and one is used over and over.
#define OD_JOURNAL_KEEPS_NONE UINT64_MAX
void od_journal_keep(struct od_journal *journal, uint64_t sequence);

// What comes goes into a new segment, and the one before changes no more. 0 or errno.
OD_MUST_CHECK int od_journal_close_segment(struct od_journal *journal);

#endif
