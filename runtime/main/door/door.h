// The door: accepts connections and shows each to its worker.
//
// It accepts a bounded number a turn, so that a crowd outside cannot stop what goes on inside. When
// descriptors run out, or too many arrivals stand around, it stops to accept and leaves the others
// in the kernel's backlog. Before that it puts out the oldest one that still reads, so that clients
// who connect and say nothing cannot shut the door for the rest.
//
// Process: main. Owner: embedded; od_door_close, then the loop must run once more.

#ifndef OD_MAIN_DOOR_DOOR_H
#define OD_MAIN_DOOR_DOOR_H

#include "link/loop.h"
#include "link/options.h"
#include "main/door/arrival.h"
#include "main/door/connection_limit.h"
#include "main/door/listener.h"

enum od_admission {
    OD_ADMISSION_TAKEN,
    OD_ADMISSION_LATER, // Nobody can take it now: it waits until od_door_retry.
    OD_ADMISSION_NONE,  // Nor will anybody soon: it is answered 503.
};

struct od_door_events {
    // A connection whose next request is in the head of [arrival]; [bytes] is all that was read of
    // it. Its descriptor is given away when it is TAKEN.
    enum od_admission (*admit)(void *owner, const struct od_arrival *arrival, od_slice bytes);
    // A connection came to where TLS is spoken, if that is anywhere; takes it. What stands for it,
    // -1: it is closed.
    int (*wrap)(void *owner, int fd);
};

// How a worker that has ended left a connection (main/workers/lease.h).
enum od_return {
    OD_RETURN_LEFT,       // It had let go itself.
    OD_RETURN_UNTOUCHED,  // A request, or a part of one, that nobody has begun.
    OD_RETURN_AT_REST,    // Between two requests.
    OD_RETURN_FAILED,     // A request without an answer: 503; then as the two above.
    OD_RETURN_UNANSWERED, // The same, but nobody knows where the next one begins: 503, and the end.
    OD_RETURN_OVER,       // The last answer has left.
    OD_RETURN_CUT,        // A part of an answer has: reset, or it might pass for all of it.
};

struct od_returned {
    enum od_return how;
    int fd;
    struct od_bytes bytes; // UNTOUCHED, FAILED: what was read of requests that have not begun.
    char peer[INET6_ADDRSTRLEN];
    uint32_t times;      // That it came back.
    bool may_introduce;  // As of an arrival,
    struct od_bytes tls; // and this.
};

struct od_door {
    struct od_loop *loop;
    const struct od_door_events *events;
    void *owner;
    struct od_listeners listeners;
    size_t tls_from; // Of these, the first where TLS is spoken.
    uv_poll_t polls[OD_LISTENERS_MAX];
    size_t poll_count;
    bool is_paused;
    bool is_crowded; // Since it was paused, the backlog has not been empty; it was logged.
    bool is_leaving; // The program ends.
    bool is_held;    // Nobody is accepted, and everybody stays.
    bool is_closed;
    struct od_timer retry_timer;
    struct od_list arrivals[OD_ARRIVAL_STATE_COUNT];
    size_t arrival_count;
    const struct od_options *options;
    struct od_connection_limit connection_limit; // How many each address has.
    char scratch[OD_HTTP_HEAD_BYTES_MAX];        // One read of one arrival.
};

void od_door_init(struct od_door *door, struct od_loop *loop, const struct od_options *options,
                  const struct od_door_events *events, void *owner);

void od_door_deinit(struct od_door *door); // After od_door_close.

// Clients can connect from here on; they are accepted after od_door_open.
// [option] is where the address was said.
OD_MUST_CHECK enum od_exit od_door_listen(struct od_door *door, const struct od_address *address,
                                          const char *option, struct od_error *err);
// The same for clients who speak TLS; after it.
OD_MUST_CHECK enum od_exit od_door_listen_tls(struct od_door *door,
                                              const struct od_address *address, const char *option,
                                              struct od_error *err);
void od_door_open(struct od_door *door);

// Until it is opened (again) nobody is accepted, and who comes back from a worker stays, however
// many that are: another program is about to take over, or has just done it.
void od_door_hold(struct od_door *door);

// Nobody can connect any more; who has is served as before. The program ends soon, and there are
// others to go to.
void od_door_shut(struct od_door *door);

// The program ends: what waits for a worker, and whoever comes from now on, is answered 503, so
// that nobody finds the port closed before the next program can open it.
void od_door_leave(struct od_door *door);

// Closes the listeners, and every arrival without a word. Also when it was never open.
void od_door_close(struct od_door *door);

// Once a turn: arrivals that wait for a worker ask again.
void od_door_retry(struct od_door *door);

// A connection comes back from a worker; takes descriptor and bytes. When the door is closed, left
// or crowded nobody waits: it is answered if it has to be, and ends.
void od_door_return(struct od_door *door, struct od_returned *returned);

struct in6_addr od_door_address_of(const struct sockaddr_storage *peer);

void od_door_arrival_ended(struct od_door *door); // Said by arrivals: there is room again.

#endif
