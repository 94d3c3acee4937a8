// The tables of a cluster in its database: made at the first use, checked at each start.
//
//   od_meta  k, v            version of the tables, how many slots, the cluster's id, the next node
//   od_node  id, name, inc, address, beat, state (up, leaving, left, dead), loaded
//                            inc: which of its lives; beat: goes up while it lives; loaded: the
//                            last version of the script that it could serve, 0: none yet
//   od_slot  slot, epoch, seq, owner, inc
//                            epoch: goes up when the owner may be another; seq: with each commit
//   od_kv    slot, object, k, v
//                            k is a kind (rows.h) and a key
//   od_script  version, state, node, inc, why, files
//                            which version all serve, and which is proposed (ballot.h)
//
// Only what YugabyteDB and CockroachDB know as well is said in SQL. All keys begin with the slot.
//
// Thread: the loop's, at the start, when it may wait.

#ifndef OD_CLUSTER_SCHEMA_H
#define OD_CLUSTER_SCHEMA_H

#include "cluster/placement.h"
#include "cluster/postgres.h"

#define OD_CLUSTER_SCHEMA_VERSION "2"

// False: [err] is one sentence about what is wrong with the engine: it cannot be reached, loses
// data by its settings, is a replica, does not let us, or has tables of another version. A standby
// that need not have what is confirmed is warned of.
OD_MUST_CHECK bool od_schema_open(struct od_postgres *postgres,
                                  char cluster_id[OD_CLUSTER_ID_BYTES + 1], struct od_error *err);

#endif
