// What who runs the program may ask, and how long it may take.
//
// Times are on the monotonic clock, so a spec can turn them.

#ifndef OD_MAIN_OPERATOR_LIMITS_H
#define OD_MAIN_OPERATOR_LIMITS_H

#define OD_SIGNAL_ECHO_MS 150 // A second signal to stop that comes so soon is the first once more.

#define OD_CONTROL_QUESTIONS_MAX 128          // Connections to the control socket at once.
#define OD_CONTROL_LINE_BYTES_MAX 1024        // What may be said on one,
#define OD_CONTROL_BODY_BYTES_MAX (33u << 20) // What may follow it: a call (object/call.h),
#define OD_CONTROL_MS_MAX 5000         // and how long it may take to say it, or to take the answer.
#define OD_CONTROL_ANSWER_MS_MAX 40000 // So long a client waits for something to come.
#define OD_DRAIN_WAIT_MS_MAX 60000     // And for a node to leave,
#define OD_DRAIN_LOOK_MS 500           // after which he looks so often.
#define OD_INQUIRY_MS_MAX 30000        // An object has so long to answer one who asks there.
#define OD_STATUS_MS_MAX 1000          // A worker that has not reported by then does not answer.
#define OD_SETTLE_MS_MAX 10000 // So long a test waits for all workers to have nothing to do.

#define OD_LOG_BOOK_BYTES (1u << 20) // Lines kept while somebody follows the log (log_book.h),
#define OD_LOG_BOOK_MS_MAX 30000     // which is so long after he last asked.
#define OD_LOG_BOOK_WAIT_MS 10000    // A question waits so long for a line,
#define OD_LOG_BOOK_GATHER_MS 20     // and then for those that come with it.
#define OD_LOG_BOOK_LOOK_MS 1000

#define OD_BAR_CHARS 30u
#define OD_BAR_BEGIN_MS 1000 // What takes longer shows how far it is,
#define OD_BAR_EVERY_MS 100  // so often.

#endif
