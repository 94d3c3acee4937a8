// What the main process allows, and for how long it waits, with a name each.
//
// Times are on the monotonic clock, so a spec can turn them.

#ifndef OD_MAIN_LIMITS_H
#define OD_MAIN_LIMITS_H

#define OD_ARRIVALS_MAX 4096         // Connections whose first request head is not whole yet.
#define OD_ARRIVAL_MS_MAX 10000      // From accept to the end of that head: 408.
#define OD_ARRIVAL_MS_MIN 1000       // So long nobody is put out for a newer connection.
#define OD_ARRIVAL_WAIT_MS_MAX 10000 // For a worker that is being replaced: 503.
#define OD_LINGER_MS_MAX 2000        // From our refusal to the client's end of the connection.
#define OD_LINGER_BYTES_MAX (256u << 10)
#define OD_ACCEPTS_A_TURN_MAX 64
#define OD_LISTEN_BACKLOG 4096 // The system may cut it: net.core.somaxconn.
#define OD_ACCEPT_RETRY_MS 100 // When there were no descriptors left.

#define OD_FILL_MS_MAX 10         // What slots store is loaded in portions that take about so long.
#define OD_JOIN_LINKS_MS_MAX 3000 // A node that joins waits so long for links with all others.
#define OD_NODE_ASKED_MS 1000     // How often the process for other nodes is asked for a turn,
#define OD_NODE_ASKED_MAX 5       // and how often in vain before it is replaced.
#define OD_NODE_RESTART_MS 200    // From the end of the process for other nodes to the next one.
#define OD_NODE_END_WAIT_MS_MAX 2000 // For it to say the last words of workers; then SIGKILL.
#define OD_TLS_RESTART_MS 200        // From the end of the process for TLS to the next one.
#define OD_TLS_FAILED_MS 5000        // The same, if it could not load certificates.
#define OD_TLS_END_WAIT_MS_MAX 3000  // For it to end with the program; then SIGKILL.
#define OD_PROCESS_END_LOOK_MS 5
#define OD_SIGNAL_ECHO_MS 150 // A second signal to stop that comes so soon is the first once more.
#define OD_TLS_RETIRED_MAX 16 // Processes of programs before that have connections still.

#define OD_ACME_MS_MAX 300000         // uacme, for one name; then SIGKILL.
#define OD_ACME_LOOK_MS 43200000      // Whether certificates are to be renewed.
#define OD_ACME_AGAIN_MS_MIN 120000   // After a failure: authorities take five an hour; doubles,
#define OD_ACME_AGAIN_MS_MAX 21600000 // up to this.

#define OD_LEASE_BYTES_MAX (16u << 20) // Of requests that were handed over and have not begun.
#define OD_LEASE_FORGET_MS 1000        // How often main looks which of them have.
#define OD_LEASE_TRIES_MAX 3           // Workers that may end before they begin a request: 503.
#define OD_RETURN_IDLE_MS_MAX 60000    // Between two requests, as in a worker (net/limits.h).

#define OD_LINK_WAITING_BYTES_MAX (4u << 20) // A worker behind more is given no new connections.

#define OD_DRY_RUN_MS_MAX 5000    // A script that is not loaded by then never will be.
#define OD_SUCCESSOR_MS_MAX 15000 // A program that has not said by then whether it can take over.
#define OD_RELOAD_LOAD_MS_MAX                                                                      \
    10000                       // The same in a worker, after a dry run went well: it is killed.
#define OD_WATCH_LOOK_MS 5      // From the first news of a directory to a look at its files.
#define OD_WATCH_QUIET_MS 30    // So long no file has changed: the save is over.
#define OD_HISTORY_LOOK_MS 1000 // How often the historian looks at what there is,
#define OD_ARCHIVE_LOOK_MS 20   // and while the archive command runs, for its end.
#define OD_HISTORY_BASES 2      // In the time that --history says; and one before it.
#define OD_ARCHIVE_BASE_MS 86400000  // The archive gets a base at least so often,
#define OD_ARCHIVE_SEGMENT_MS 10000  // and what was written after so long.
#define OD_HISTORY_SEGMENT_MS 600000 // Without one there is less haste.
#define OD_HISTORY_AGAIN_MS 30000    // A base that could not be made.
#define OD_HISTORY_RESTART_MS 1000
#define OD_ARCHIVE_AGAIN_MS_MIN 1000  // A file whose command failed; doubles,
#define OD_ARCHIVE_AGAIN_MS_MAX 60000 // up to this.
#define OD_ARCHIVE_LAST_MS 30000      // What was written last, when the program ends.
#define OD_ARCHIVE_SLOW_MS 60000      // A command that runs so long is said to.

#define OD_BAR_CHARS 30u
#define OD_BAR_BEGIN_MS 1000 // What takes longer shows how far it is,
#define OD_BAR_EVERY_MS 100  // so often.

#define OD_CONTROL_QUESTIONS_MAX 128          // Connections to the control socket at once.
#define OD_CONTROL_LINE_BYTES_MAX 1024        // What may be said on one,
#define OD_CONTROL_BODY_BYTES_MAX (33u << 20) // What may follow it: a call (object/call.h),
#define OD_CONTROL_MS_MAX 5000         // and how long it may take to say it, or to take the answer.
#define OD_CONTROL_ANSWER_MS_MAX 40000 // So long a client waits for something to come.
#define OD_DRAIN_WAIT_MS_MAX 60000     // And for a node to leave,
#define OD_DRAIN_LOOK_MS 500           // after which he looks so often.
#define OD_INQUIRY_MS_MAX 30000        // An object has so long to answer one who asks there.
#define OD_LOG_BOOK_BYTES (1u << 20)   // Lines kept while somebody follows the log (log_book.h),
#define OD_LOG_BOOK_MS_MAX 30000       // which is so long after he last asked.
#define OD_LOG_BOOK_WAIT_MS 10000      // A question waits so long for a line,
#define OD_LOG_BOOK_GATHER_MS 20       // and then for those that come with it.
#define OD_LOG_BOOK_LOOK_MS 1000
#define OD_STATUS_MS_MAX 1000  // A worker that has not reported by then does not answer.
#define OD_SETTLE_MS_MAX 10000 // So long a test waits for all workers to have nothing to do.

#define OD_TURN_ASKED_MS 2000 // A worker that has taken no turn for so long is asked for one.
#define OD_STILL_MS_MIN 2000  // It may take so long, or --event-limit-ms if that is longer.

#define OD_LOAD_MS_MAX 30000   // From the start of a worker to READY or LOAD_FAILED.
#define OD_DRAIN_MS_MAX 10000  // From SIGTERM to the end of the last worker; then SIGKILL.
#define OD_CALM_MS_MAX 20000   // Before a worker hands over: so long what runs may end in peace.
#define OD_LEAVE_MS_MAX 5000   // For what runs to end, in a worker that hands over; then it is cut.
#define OD_LEAVE_LATE_MS 5000  // Beyond that; then SIGKILL.
#define OD_RESTART_MS_MIN 100  // Before a worker is replaced a second time; doubles,
#define OD_RESTART_MS_MAX 5000 // up to this,
#define OD_NUMBERS_A_MS_MAX 16384ull // No worker needs more for its sockets, tasks and calls.
#define OD_RESTART_CALM_MS 10000     // and starts anew after a life of this length.
#define OD_STARTS_AWAITED_MAX 3      // After so many failed starts no request waits for a worker.

#define OD_UPGRADE_DISK_MS_MAX 10000  // For the disk to take what was written, before an upgrade,
#define OD_UPGRADE_LEAVE_MS_MAX 20000 // and for the workers to go and what they wrote to be there.

#define OD_RECOVER_A_TURN_MAX 256         // Sockets of a dead worker dealt with before others.
#define OD_RECOVER_BYTES_MAX (256u << 10) // On their way to the new one, before more are put.
#define OD_LEAVING_LOOK_MS 50    // How often a client that was closed is read into the void.
#define OD_REFUSE_MS_MIN 1000    // An object that cost a worker; doubles,
#define OD_REFUSE_MS_MAX 60000   // up to this,
#define OD_REFUSE_CALM_MS 600000 // and starts anew after such a time without.
#define OD_CLOSE_LIVES_MAX 3     // Workers that may end in webSocketClose of one object.

#define OD_ALARMS_FRESH_MAX 256     // Alarms a worker is told of before it has answered some,
#define OD_ALARMS_FRESH_MS 1000     // unless they are older: then their handlers take their time.
#define OD_ALARMS_RINGING_MAX 10000 // All that one worker has not answered.
#define OD_ALARMS_A_TURN_MAX 1000   // Alarms looked at for one worker before others have a go.
#define OD_ALARM_AGAIN_MS_MIN 2000  // Before an alarm is rung again whose end could not be stored;
#define OD_ALARM_AGAIN_MS_MAX 60000 // doubles, up to this.

#endif
