// What workers are allowed, and for how long they are waited for.
//
// Times are on the monotonic clock, so a spec can turn them.

#ifndef OD_MAIN_WORKERS_LIMITS_H
#define OD_MAIN_WORKERS_LIMITS_H

#define OD_LOAD_MS_MAX 30000   // From the start of a worker to READY or LOAD_FAILED.
#define OD_DRAIN_MS_MAX 10000  // From SIGTERM to the end of the last worker; then SIGKILL.
#define OD_CALM_MS_MAX 20000   // Before a worker hands over: so long what runs may end in peace.
#define OD_LEAVE_MS_MAX 5000   // For what runs to end, in a worker that hands over; then it is cut.
#define OD_LEAVE_LATE_MS 5000  // Beyond that; then SIGKILL.
#define OD_RESTART_MS_MIN 100  // Before a worker is replaced a second time; doubles,
#define OD_RESTART_MS_MAX 5000 // up to this,
#define OD_RESTART_CALM_MS 10000     // and starts anew after a life of this length.
#define OD_NUMBERS_A_MS_MAX 16384ull // No worker needs more for its sockets, tasks and calls.

#define OD_TURN_ASKED_MS 2000 // A worker that has taken no turn for so long is asked for one.
#define OD_STILL_MS_MIN 2000  // It may take so long, or --event-limit-ms if that is longer.

#define OD_LEASE_BYTES_MAX (16u << 20) // Of requests that were handed over and have not begun.
#define OD_LEASE_FORGET_MS 1000        // How often main looks which of them have.
#define OD_LEASE_TRIES_MAX 3           // Workers that may end before they begin a request: 503.

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
