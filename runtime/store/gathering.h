// Groups that the journal has and LMDB has not, gathered for one transaction.
//
// They wait a moment, so that one transaction takes many: LMDB copies a page once, whatever is
// written to it, and of several writes of a key it gets the newest (newest.h). They do not wait
// where somebody waits for them: a worker that ended, whose objects are to be read by another, an
// alarm that may be due soon.
//
// What is here is durable, so it cannot be refused any more.
//
// Process: main. Thread: the committer's, but while the follower has it (follower.h).

#ifndef OD_STORE_GATHERING_H
#define OD_STORE_GATHERING_H

#include "base/clock.h"
#include "base/list.h"
#include "store/journal_visit.h"
#include "store/newest.h"

struct od_pending;

struct od_gathering {
    struct od_list pending;  // struct od_pending: written ones, and sources to be forgotten.
    struct od_newest newest; // Of their writes.
    size_t bytes, count, value_bytes; // Of submissions; of the largest value.
    struct od_journal_moment moment;  // Of the last group that was added, also to one before.
    bool is_urgent;
    int64_t due_us; // od_clock_passed_us, while there is something.
};

void od_gathering_init(struct od_gathering *gathering);
void od_gathering_deinit(struct od_gathering *gathering); // What is left stays in the journal.
void od_gathering_clear(struct od_gathering *gathering);

// Takes what a group has written, one by one, and sources that are gone; then which group of the
// journal it is.
void od_gathering_add(struct od_gathering *gathering, struct od_pending *pending);
void od_gathering_added(struct od_gathering *gathering, const struct od_journal_moment *moment,
                        bool sets_alarm);

bool od_gathering_is_empty(const struct od_gathering *gathering);

// With more than [writes_max] writes it is, however young.
bool od_gathering_is_due(const struct od_gathering *gathering, size_t writes_max);

#endif
