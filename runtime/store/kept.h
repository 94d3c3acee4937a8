// What is kept of a journal: its segments and the bases among them, in the order of their numbers.
//
// Owner: embedded, zeroed at first; od_kept_deinit.
// Process: any that may block.

#ifndef OD_STORE_KEPT_H
#define OD_STORE_KEPT_H

#include "store/base.h"

struct od_kept_segment {
    uint64_t first; // Its first group, and its name.
    uint64_t bytes; // Of the disk.
    od_time_ms changed_ms;
};

struct od_kept_base {
    struct od_journal_moment moment;
    uint64_t bytes;
    od_time_ms changed_ms;
};

struct od_kept {
    char *folder;
    struct od_kept_segment *segments; // The last is the one that is written to.
    size_t segment_count, segment_capacity;
    struct od_kept_base *bases; // Those that can be read.
    size_t base_count, base_capacity;
    size_t unread_count; // Of others that are there, and may be whole.
};

// Looks at the folder "journal" of [data_dir] again.
OD_MUST_CHECK bool od_kept_look(struct od_kept *kept, const char *data_dir, struct od_error *err);
void od_kept_deinit(struct od_kept *kept);

// Whether the segments that are there go on where the base ends, so that both are every moment from
// then on.
bool od_kept_is_continued(const struct od_kept *kept, const struct od_kept_base *base);

// Makes a base of what is stored now. One of that very group may be there already. Where
// the disk has too little room for it nothing is begun: those who write need the rest.
OD_MUST_CHECK bool od_kept_make_base(struct od_kept *kept, const char *data_dir,
                                     struct od_error *err);
void od_kept_drop_base(const struct od_kept *kept, uint64_t sequence);

#endif
