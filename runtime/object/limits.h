// Every size and time an object or its clients can run into, with a name.
//
// A limit is checked where the bytes come in, before anything is allocated for them. Sources: the
// values are Cloudflare's where theirs are known (reference in brackets), ours otherwise.

#ifndef OD_OBJECT_LIMITS_H
#define OD_OBJECT_LIMITS_H

#define OD_TAGS_MAX 10              // Tags of one socket. [Cloudflare]
#define OD_TAG_BYTES_MAX 256        // [Cloudflare: characters]
#define OD_OBJECT_SOCKETS_MAX 32768 // [Cloudflare]
#define OD_OBJECT_WISHES_MAX 1000   // WebSockets of one object to outside (wish.h).
#define OD_WISH_MIN_MS 500          // Pauses between attempts, without the option reconnect,
#define OD_WISH_MAX_MS 60000
#define OD_WISH_PAUSE_MS_MIN 100 // and what may be said there.
#define OD_WISH_PAUSE_MS_MAX 3600000
#define OD_ATTACHMENT_BYTES_MAX 16384     // Serialized. [Cloudflare]
#define OD_AUTO_RESPONSE_BYTES_MAX 2048   // Request and response each. [Cloudflare]
#define OD_CLOSE_REASON_BYTES_MAX 123     // [RFC 6455]
#define OD_MESSAGE_BYTES_MAX (32u << 20)  // That is sent; as for those that come. [Cloudflare]
#define OD_EVENT_TIMEOUT_MS_MAX 604800000 // [Cloudflare: 7 days]
#define OD_KEY_BYTES_MAX 2048             // [Cloudflare]
#define OD_KEYS_A_CALL_MAX 128            // [Cloudflare]
#define OD_VALUE_BYTES_MAX (2u << 20)     // Serialized. [Cloudflare: 2 MB]
#define OD_CALL_BYTES_MAX (32u << 20)     // A request or response between objects. [Cloudflare]
#define OD_INBOX_EVENTS_MAX 10000         // Calls and requests beyond it are refused: overloaded.
#define OD_OBJECT_CALLS_MAX 32768      // The same for those without an answer, wherever they are,
#define OD_ASKED_BYTES_MAX (64u << 20) // and for their bytes.
#define OD_DEADLOCK_OBJECTS_MAX 64     // A longer chain of waiting objects is not followed.
#define OD_DEADLOCK_CYCLES_MAX 1024    // So many are broken because of one call.
#define OD_PEER_BYTES_MAX (64u << 20)  // That wait for another worker to read; then the same.
#define OD_CALLS_KEPT_BYTES_MAX (32u << 20) // Of calls to other workers, until they are answered.
#define OD_CALL_AWAITS_MS_MAX 10000         // For the worker of its object, when that has ended,
#define OD_CALL_STOPS_MS_MAX 3000           // In a worker that ends, for one at another node.
#define OD_CALL_AGAIN_MS 20                 // For its object, which is on its way there,
#define OD_CALL_TRIES_MAX 3                 // and of so many.
#define OD_OUTBOX_BYTES_MAX (64u << 20)     // Messages that wait for the disk; more: reset.
#define OD_OUTBOX_SMALL_BYTES                                                                      \
    160u // Of an effect that waits: with no more it takes a block of a slab.
#define OD_SOCKET_WAITING_MAX 64           // Messages of one socket that wait; then it is not read.
#define OD_OUTGOING_RUNNING_MAX 6          // od.fetch of one object; others wait. [Cloudflare]
#define OD_OUTGOING_WAITING_MAX 1000       // And so many may wait.
#define OD_OUTGOING_WORKER_MAX 256         // Running in a worker.
#define OD_OUTGOING_MS 30000               // Without the option timeout.
#define OD_OUTGOING_MS_MAX 600000          // The largest timeout.
#define OD_OBJECT_PIPES_MAX 64             // Connections of od.connect (pipe.h) of one object,
#define OD_PIPES_WORKER_MAX 256            // and of a worker.
#define OD_PIPE_WINDOW_BYTES (128u << 10)  // Of one: come and not read; and put and not sent.
#define OD_PIPE_READ_BYTES_MAX (1u << 20)  // More is not read at once.
#define OD_PIPE_LINE_BYTES_MAX (64u << 10) // A longer line is an error.
#define OD_PIPE_HOST_BYTES_MAX 255
#define OD_EVENT_RESERVE_PART 8    // Of an event's limit: when it is left, SQL is interrupted.
#define OD_TURN_EVENTS_MAX 256     // Events an object may handle before others have a go.
#define OD_TURN_OBJECT_US 1000     // Time, too. One event may take longer: then it is skipped
#define OD_TURN_OWED_US_MAX 500000 // in as many turns as that was worth, counted up to this.
#define OD_TURN_US_MAX 5000        // Of all objects, before sockets have a go.
#define OD_RENEWAL_TURN_US 2000    // After a switch, looking at all of them (versions/renewal.h).
#define OD_TURN_SLEEPS_US 2000     // In which objects may fall asleep.
#define OD_RESPONSE_MS_MAX 30000   // A handler that has not answered by then: 504.
#define OD_CONSTRUCT_MS_MAX 30000  // A constructor that has not returned: reset. [Cloudflare]
#define OD_SECTION_MS_MAX 30000    // blockConcurrencyWhile. [Cloudflare]
#define OD_SECTION_DEPTH_MAX 64    // Sections inside each other. [Cloudflare]
#define OD_WAIT_UNTIL_MS_MAX                                                                       \
    900000 // From the end of an event to that of its waitUntil. [Cloudflare]
#define OD_STREAM_WINDOW_BYTES                                                                     \
    (128u << 10)                          // Of a body in pieces: put, and not taken by its reader.
#define OD_STREAM_PIECE_BYTES (64u << 10) // More is put as several.
#define OD_STREAM_OPEN_MS_MAX 30000       // From the head of an answer until its body is read.
#define OD_STREAM_LEFT_MS_MAX 30000 // What writes a body that nobody reads any more: given up.
#define OD_OUTDATED_MS_MAX                                                                         \
    30000                     // Handlers of an instance whose code has changed: reset. [Cloudflare]
#define OD_TIMEOUTS_MAX 10000 // Timers of one object. [Cloudflare]
#define OD_BRANCHES_MAX 1000  // Functions given to one od.all, allSettled or race.
#define OD_PASSWORDS_MAX 1000 // Of a worker, that run or wait (password.h).
#define OD_PASSWORD_BYTES_MAX 4096
#define OD_PASSWORD_MEMORY_MAX (32u << 20) // Of one.
#define OD_PASSWORD_P_MAX 16
#define OD_PASSWORD_NICE 5           // Their threads are so much nicer: others go first.
#define OD_REPORT_OBJECTS_MAX 100    // Objects of one worker that `open-do status` names,
#define OD_REPORT_REASONS_MAX 8      // and the handlers it names of each.
#define OD_INSPECT_ROWS_MAX 20000    // What a page of `open-do objects` looks at,
#define OD_INSPECT_US_MAX 2000       // and for how long at most,
#define OD_INSPECT_MEASURE_MAX 10000 // with so many rows of one object.
#define OD_LOOK_SQL_US_MAX 500000    // An operator's query that runs longer is given up.
#define OD_LEFTOVERS_ROWS_MAX                                                                      \
    2000 // Of the directory, that are looked at in a turn (versions/leftovers.h),
#define OD_LEFTOVERS_DELETING_MAX 500      // objects that are deleted at a time,
#define OD_LEFTOVERS_NAMED_MAX 16          // and namespaces that are named.
#define OD_FAILED_MAX 256                  // Histories kept of objects that are gone, with errors.
#define OD_TRACES_MAX 64                   // Objects of a worker that are watched,
#define OD_TRACE_MS_MAX 30000              // so long after somebody has last asked.
#define OD_EDGE_HELD_BYTES_MAX (1u << 20)  // Behind more in one WebSocket the other is not read,
#define OD_EDGE_HELD_BYTES_MIN (64u << 10) // until so much is left.
#define OD_EDGE_UNSURE_BYTES_MAX (256u << 10) // Of messages that are not known to be handled.
#define OD_EDGE_SEEKS_MS_MAX 30000            // A client whose object is nowhere (nodes/edge.h).
#define OD_EDGE_LOST_MS_MAX 5000     // Until it is known why the way to its object has ended.
#define OD_EDGE_KEPT_BYTES_MAX 20480 // Tags and attachment, as it keeps them.
#define OD_EARLY_MAX 10000           // Clients whose object is on its way here (nodes/early.h),
#define OD_EARLY_MS_MAX 10000        // and for how long.
#define OD_ATTACH_MS_MAX 30000       // From acceptWebSocket to the 101 that takes the socket.

#define OD_ALARM_MS_MAX                                                                            \
    900000 // An alarm's handler that has not returned: a failed try. [Cloudflare]
#define OD_ALARM_RETRY_MS 2000         // Before the first retry; doubles each time. [Cloudflare]
#define OD_ALARM_RETRIES_MAX 6         // [Cloudflare]
#define OD_SCHEDULE_NAME_BYTES_MAX 256 // As stored (store/limits.h).
#define OD_SCHEDULE_ARGUMENTS_BYTES_MAX 16384 // Serialized, all together.
#define OD_SCHEDULE_EVERY_MS_MIN 1000         // More often is a matter for a timer.
#define OD_SCHEDULE_MISSED_MAX 10000          // More times that were missed are not counted.
#define OD_ALARM_TIME_MAX 8.64e15             // The last moment of a JavaScript Date. [ECMAScript]

// What waits on sockets, in bytes. A compressed message is a thousand times what it cost its
// sender.
#define OD_SOCKET_WAITING_BYTES_MAX (1u << 20)   // Then the socket is not read.
#define OD_WAITING_BYTES_MAX ((size_t)256 << 20) // Of all sockets of a worker: then close 1013
#define OD_WAITING_SMALL_BYTES (64u << 10)       // for a message of more than this.

#define OD_REMOVAL_MS_MAX 8000 // What has begun when its slot leaves may go on for so long;
#define OD_REMOVAL_LOOK_MS 5   // it is looked at so often.
#define OD_REMOVAL_SHUT_MS 300 // No call begins there for so long,
#define OD_REMOVAL_OPEN_MS 100 // and then some, in turns.
#define OD_FROZEN_MS_MAX 1000  // Requests wait for so long for the engine of the cluster.

#endif
