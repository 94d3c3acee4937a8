// What processes beside workers are allowed, and for how long they are waited for.
//
// Times are on the monotonic clock, so a spec can turn them.

#ifndef OD_MAIN_PROCESSES_LIMITS_H
#define OD_MAIN_PROCESSES_LIMITS_H

#define OD_LINK_WAITING_BYTES_MAX (4u << 20) // Who is behind more is given no new connections.
#define OD_PROCESS_END_LOOK_MS 5

#define OD_DRY_RUN_MS_MAX 5000 // A script that is not loaded by then never will be.

#define OD_TLS_RESTART_MS 200       // From the end of the process for TLS to the next one.
#define OD_TLS_FAILED_MS 5000       // The same, if it could not load certificates.
#define OD_TLS_END_WAIT_MS_MAX 3000 // For it to end with the program; then SIGKILL.
#define OD_TLS_RETIRED_MAX 16       // Processes of programs before that have connections still.

#define OD_ACME_MS_MAX 300000         // uacme, for one name; then SIGKILL.
#define OD_ACME_LOOK_MS 43200000      // Whether certificates are to be renewed.
#define OD_ACME_AGAIN_MS_MIN 120000   // After a failure: authorities take five an hour; doubles,
#define OD_ACME_AGAIN_MS_MAX 21600000 // up to this.

#define OD_HISTORY_LOOK_MS 1000      // How often the historian looks at what there is,
#define OD_ARCHIVE_LOOK_MS 20        // and while the archive command runs, for its end.
#define OD_HISTORY_BASES 2           // In the time that --history says; and one before it.
#define OD_ARCHIVE_BASE_MS 86400000  // The archive gets a base at least so often,
#define OD_ARCHIVE_SEGMENT_MS 10000  // and what was written after so long.
#define OD_HISTORY_SEGMENT_MS 600000 // Without one there is less haste.
#define OD_HISTORY_AGAIN_MS 30000    // A base that could not be made.
#define OD_HISTORY_RESTART_MS 1000
#define OD_ARCHIVE_AGAIN_MS_MIN 1000  // A file whose command failed; doubles,
#define OD_ARCHIVE_AGAIN_MS_MAX 60000 // up to this.
#define OD_ARCHIVE_LAST_MS 30000      // What was written last, when the program ends.
#define OD_ARCHIVE_SLOW_MS 60000      // A command that runs so long is said to.

#endif
