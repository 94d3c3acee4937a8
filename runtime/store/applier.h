// The applier: groups that the journal has, on their way into LMDB.
//
// They wait a moment, so that one transaction takes many: LMDB copies a page once, whatever is
// written to it, and of several writes of a key it gets the newest (newest.h). They do not wait
// where somebody waits for them: a worker that ended, whose objects are to be read by another, an
// alarm that may be due soon, a failure that may be told only behind what came before it.
//
// What is here is durable, so it cannot be refused any more. When LMDB cannot take it because the
// disk is full it is tried again until it can; the room it will need is set aside before a group is
// acknowledged (od_applier_reserve), so that this is the exception.
//
// Thread: the committer's.

#ifndef OD_STORE_APPLIER_H
#define OD_STORE_APPLIER_H

#include "base/clock.h"
#include "base/list.h"
#include "store/apply.h"
#include "store/env.h"
#include "store/journal_mark.h"
#include "store/newest.h"
#include "store/reports.h"
#include "store/room.h"

struct od_applier {
    struct od_env *env;
    struct od_journal_mark mark; // What LMDB has.
    struct od_list pending;      // struct od_pending: written ones, and sources to be forgotten.
    struct od_newest newest;     // Of their writes.
    struct od_write rehearsal;   // For groups that are to become durable (group.h).
    size_t bytes, count;
    size_t writes_max; // With more it is due: they take as long as a transaction should.
    struct od_journal_moment moment; // Of the last group that was added.
    bool is_urgent;
    int64_t due_us;  // od_clock_passed_us, while there is something.
    int64_t rest_us; // Not before: the journal has its share of the time.
    struct od_room room;
    bool deleted_all;  // There is new trash.
    bool is_abandoned; // Nothing more goes into LMDB.
};

void od_applier_init(struct od_applier *applier, struct od_env *env);
void od_applier_deinit(struct od_applier *applier); // What is left stays in the journal.

// Sets aside what LMDB will need for [bytes] more in [count] submissions. 0 or why not.
OD_MUST_CHECK int od_applier_reserve(struct od_applier *applier, size_t bytes, size_t count);

struct od_pending;

// Takes what a group has written, one by one, and sources that are gone; then which group of the
// journal it is.
void od_applier_add(struct od_applier *applier, struct od_pending *pending);
void od_applier_added(struct od_applier *applier, const struct od_journal_moment *moment,
                      bool sets_alarm);

bool od_applier_is_empty(const struct od_applier *applier);
bool od_applier_is_due(const struct od_applier *applier);

// Puts all of it into LMDB and reports; without [reports] at the start. Returns LMDB's codes: after
// any but 0 nothing has changed and it is there still.
OD_MUST_CHECK int od_applier_run(struct od_applier *applier, struct od_reports *reports);

// Forgets it, and all that comes after it: the journal has it, and the next start applies it in its
// order. To apply what is later alone would mark what is earlier as done. Sources that are gone are
// reported.
void od_applier_abandon(struct od_applier *applier, struct od_reports *reports);

#endif
