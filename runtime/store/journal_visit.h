// What is told of a journal to who opens or reads it.

#ifndef OD_STORE_JOURNAL_VISIT_H
#define OD_STORE_JOURNAL_VISIT_H

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"
#include "store/limits.h"

// A group: its number, and when it became durable.
struct od_journal_moment {
    uint64_t sequence;  // 0: before all of them.
    od_time_ms time_ms; // 0: not known.
    uint32_t sum;       // Its check sum, by which the next one names it; 0: not known.
};

// Up to where LMDB has it.
struct od_journal_mark {
    uint8_t id[OD_STORE_JOURNAL_ID_BYTES]; // Of the data directory.
    struct od_journal_moment moment;
};

// From the row of LMDB that says it (journal_mark.h). False: it is none.
bool od_journal_mark_read(struct od_journal_mark *mark, od_slice row);

// Called for each submission that LMDB does not have, in order. False ends it.
typedef bool od_journal_play(void *context, const struct od_journal_moment *moment,
                             od_slice submission, struct od_error *err);

// What is done with what is read.
struct od_journal_visit {
    od_journal_play *play; // NULL: nothing.
    // Behind the last whole group of a segment, which ends at [bytes]; NULL: nothing.
    bool (*segment)(void *context, uint64_t first, uint64_t bytes, struct od_error *err);
    void *context;
    od_time_ms until_ms;  // Groups that are later are left out; 0: none are.
    uint64_t until_group; // So are those behind this one.
    // Where not NULL: the last of those left out that was written before [until_ms] after all, by a
    // clock that had been set back and was that late a second time; 0: there is none.
    uint64_t *again;
    // For who reads. The last group that is known to have been there: that it is missing is damage.
    uint64_t known;
    bool *is_damaged; // Where not NULL: what is there is not whole, as against cannot be read.
    bool is_closed;   // Nobody writes to the last segment, so a group that is torn there is damage.
};

#endif
