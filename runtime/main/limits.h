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

#define OD_LINK_WAITING_BYTES_MAX (4u << 20) // A worker behind more is given no new connections.

#define OD_LOAD_MS_MAX 30000     // From the start of a worker to READY or LOAD_FAILED.
#define OD_DRAIN_MS_MAX 10000    // From SIGTERM to the end of the last worker; then SIGKILL.
#define OD_RESTART_MS_MIN 100    // Before a worker is replaced a second time; doubles,
#define OD_RESTART_MS_MAX 5000   // up to this,
#define OD_RESTART_CALM_MS 10000 // and starts anew after a life of this length.

#define OD_RECOVER_A_TURN_MAX 256         // Sockets of a dead worker dealt with before others.
#define OD_RECOVER_BYTES_MAX (256u << 10) // On their way to the new one, before more are put.
#define OD_LEAVING_LOOK_MS 50    // How often a client that was closed is read into the void.
#define OD_REFUSE_MS_MIN 1000    // An object that cost a worker; doubles,
#define OD_REFUSE_MS_MAX 60000   // up to this,
#define OD_REFUSE_CALM_MS 600000 // and starts anew after such a time without.

#endif
