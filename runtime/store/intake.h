// The intake: slots that come from an engine into LMDB, and those that go again.
//
// A slot that comes has no rows here: those that lie here from an earlier time go first. All its
// objects are then read from the engine and put as if they had just been written. One that goes
// leaves no rows, so that its alarms ring nowhere but with its new owner.
//
// Private to the layer. Thread: the committer's.

#ifndef OD_STORE_INTAKE_H
#define OD_STORE_INTAKE_H

#include "store/apply.h"
#include "store/engine.h"
#include "store/env.h"
#include "store/pending.h"
#include "store/reports.h"

// What an order (pending.h) says: OD_FATE_TAKE or OD_FATE_GIVE. Reports each slot as placed, and
// the alarms that came. [has_trash] becomes true when there is some. 0, or a code of env.h and
// [err], unless the code says all: then it is not done.
OD_MUST_CHECK int od_intake_perform(struct od_env *env, struct od_engine *engine,
                                    const struct od_pending *order, bool *has_trash,
                                    struct od_reports *reports, struct od_error *err);

#endif
