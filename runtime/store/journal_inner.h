// What the parts of the journal share: writing (journal.c), playing (journal_play.c) and reading
// what another writes (journal_read.c).
//
// Private to journal*.c.

#ifndef OD_STORE_JOURNAL_INNER_H
#define OD_STORE_JOURNAL_INNER_H

#include <sys/types.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "store/files.h"
#include "store/journal_visit.h"
#include "store/limits.h"

#define OD_JOURNAL_MAGIC "od-jrnl\n"
#define OD_JOURNAL_VERSION 1u
#define OD_JOURNAL_BLOCK_BYTES 4096u
#define OD_JOURNAL_GROUP_MARK 0x50524721u
#define OD_JOURNAL_HEAD_BYTES 48u // Of a group, before its submissions.
#define OD_JOURNAL_NAME_BYTES 21u // Twenty digits.
#define OD_JOURNAL_SPARE "spare"  // A segment that is being made.

struct od_journal_segment {
    struct od_list link;
    uint64_t first; // Its first sequence number.
};

struct od_journal {
    char *path; // Of journal/.
    int directory_fd;
    uint8_t id[OD_STORE_JOURNAL_ID_BYTES];
    struct od_list segments; // Oldest first; the last is written to.
    int fd;                  // Of the last segment; -1: there is none.
    struct od_store_file file;
    uint64_t at;         // Where the next group goes.
    uint64_t written_to; // Its blocks up to here were written before.
    uint64_t size;       // Of that segment.
    struct od_journal_moment last;
    uint64_t applied;
    uint64_t kept_behind;
    int broken;
    bool is_reader; // It belongs to another process (journal_read.h).

    struct od_journal_moment sealed; // The group that is gathered.
    char *group; // The group that is gathered, at an address that is a multiple of a block.
    size_t group_size, group_capacity;
};

void od_journal_init(struct od_journal *journal, const struct od_journal_mark *mark);
void od_journal_name(char name[OD_JOURNAL_NAME_BYTES], uint64_t first);
uint64_t od_journal_padded(uint64_t size); // Up to the next block.

struct od_journal_segment *od_journal_add_segment(struct od_journal *journal, uint64_t first);
struct od_journal_segment *od_journal_segment_of(struct od_list *link);

// Opens the segment for writing behind what was played; false with errno.
bool od_journal_open_segment(struct od_journal *journal, uint64_t first);
// The segment that begins with the next group: an old one, or a new one. 0 or errno.
int od_journal_next_segment(struct od_journal *journal, uint64_t group_bytes);

// For what takes a segment away: false while somebody reads. Then nobody begins to until
// od_journal_unguard. A file system without locks has no readers that could be seen.
bool od_journal_guard(const struct od_journal *journal);
void od_journal_unguard(const struct od_journal *journal);

// Calls [play] for all that LMDB does not have, and leaves the journal where the next group goes.
bool od_journal_play_all(struct od_journal *journal, const struct od_journal_visit *visit,
                         struct od_error *err);

#endif
