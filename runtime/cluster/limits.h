// The times and sizes of a cluster, each with a name.
//
// Order: OD_CLUSTER_RUN_MS < OD_CLUSTER_LEASE_MS < OD_CLUSTER_DEAD_MS: a node stops running
// handlers, then answering, before anybody may take what it has.

#ifndef OD_CLUSTER_LIMITS_H
#define OD_CLUSTER_LIMITS_H

#define OD_CLUSTER_BEAT_MS 1000
#define OD_CLUSTER_POLL_MS 500
#define OD_CLUSTER_POLL_MOVING_MS 50 // While a slot is not with whom it belongs to.
#define OD_CLUSTER_POLL_GAP_MS 1000  // Who looked away for longer has not seen that nothing moved.
#define OD_CLUSTER_RUN_MS 4000       // Since the last beat: handlers run,
#define OD_CLUSTER_LEASE_MS 5000     // answers leave;
#define OD_CLUSTER_DEAD_MS 5500      // and the same beat for so long: it is dead.

#define OD_CLUSTER_FAILED_MAX 4      // Of the last versions those that failed are told of,
#define OD_CLUSTER_VERSIONS_MAX 8    // of all so many.
#define OD_CLUSTER_PROPOSAL_MS 30000 // Who is up says so long nothing of a version: it fails.

#define OD_CLUSTER_CONNECT_MS 5000
#define OD_CLUSTER_ANSWER_MS 15000        // A statement's; then the connection is given up.
#define OD_CLUSTER_AGAIN_MS 100           // Between two tries to reach the engine.
#define OD_CLUSTER_LEAVE_MS 3000          // What a node that stops waits for the engine.
#define OD_CLUSTER_HAND_OVER_MS_MAX 10000 // It stops then, whatever it has not given away.

#define OD_CLUSTER_MOVES_MAX 51u         // Slots on their way to another node at a time.
#define OD_CLUSTER_LOAD_BYTES (4u << 20) // Of a slot's rows, into LMDB at a time.
#define OD_CLUSTER_FILL_MS 5             // What slots store is loaded in portions of about so long,
#define OD_CLUSTER_FILL_ROWS_MIN 64u     // of so many rows at least,
#define OD_CLUSTER_FILL_ROWS_MAX 65536u  // and at most.
#define OD_CLUSTER_KNOWN_MAX 8192u       // Objects whose identity need not be sent.
#define OD_CLUSTER_STATEMENTS_MAX 24u    // Prepared on one connection.
#define OD_CLUSTER_WHY_BYTES 512u        // Of what the engine says.

#endif
