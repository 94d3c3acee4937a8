// The applier: puts what has gathered into LMDB, as one transaction.
//
// What it gets is durable and was promised. When LMDB cannot take it because the disk is full it is
// tried again until it can; the room it will need is set aside before a group is acknowledged
// (rehearsal.h), so that this is the exception.
//
// Thread: the follower's; at the start, with nobody there to hear of it (replay.h), the loop's.

#ifndef OD_STORE_APPLIER_H
#define OD_STORE_APPLIER_H

#include "store/env.h"
#include "store/gathering.h"
#include "store/journal_mark.h"
#include "store/reports.h"

struct od_applier {
    struct od_env *env;
    struct od_journal_mark mark; // What LMDB has.
    size_t writes_max;           // They take as long as a transaction should.
    bool deleted_all;            // There is new trash.
    bool is_abandoned;           // Nothing more goes into LMDB.
};

// Loads the mark; 0, or LMDB's code.
OD_MUST_CHECK int od_applier_init(struct od_applier *applier, struct od_env *env);

// Puts all of it into LMDB, reports, and clears it; without [reports] at the start. Returns LMDB's
// codes: after any but 0 nothing has changed and it is there still.
OD_MUST_CHECK int od_applier_run(struct od_applier *applier, struct od_gathering *gathering,
                                 struct od_reports *reports);

// Forgets it, and all that comes after it: the journal has it, and the next start applies it in its
// order. To apply what is later alone would mark what is earlier as done. Sources that are gone are
// reported.
void od_applier_abandon(struct od_applier *applier, struct od_gathering *gathering,
                        struct od_reports *reports);

#endif
