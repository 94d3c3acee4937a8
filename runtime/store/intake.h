// The intake: slots that come from an engine into LMDB, and those that go again.
//
// A slot that comes has no rows here: those that lie here from an earlier time go first. Its
// objects are then read from the engine, one by one as they are asked for, and all of the slot when
// there is time, its alarms first, and put as if they had just been written. What is put twice is
// the same: the slot is ours, and what we have written stands in the engine before the next order
// is looked at. One that goes leaves no rows.
//
// Private to the layer. Thread: the committer's.

#ifndef OD_STORE_INTAKE_H
#define OD_STORE_INTAKE_H

#include "store/apply.h"
#include "store/engine.h"
#include "store/env.h"
#include "store/pending.h"
#include "store/reports.h"

struct od_intake {
    struct od_env *env;
    struct od_engine *engine;
    const struct od_pending *order;
    struct od_reports *reports;
};

// What the order (pending.h) says. Reports each slot as placed or filled, each object as loaded,
// and the alarms that came. [has_trash] becomes true when there is some. 0, or a code of env.h and
// [err], unless the code says all: then it is not done.
OD_MUST_CHECK int od_intake_perform(const struct od_intake *intake, bool *has_trash,
                                    struct od_error *err);

#endif
