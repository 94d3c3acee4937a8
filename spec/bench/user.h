// A simulated user: one connection, opened and then used as the mode of the run says.
//
// The user turns bytes into whole answers: WebSocket messages (one frame each; pings are
// answered) or HTTP responses. What an answer means is the business of the mode.
#ifndef BENCH_USER_H
#define BENCH_USER_H

#include "connection.h"

struct crowd;

enum user_state {
    USER_SHAKING,
    USER_OPEN,
    USER_GONE
};

struct user {
    struct connection connection; // First: epoll's pointer is both.
    enum user_state state;
    long number;
    int64_t *sent_ns;  // When the messages in flight left: a ring of [depth] places.
    uint64_t sent;     // Messages or requests so far,
    uint64_t received; // and answers.
    int64_t dialled_ns;
    long sequence;    // http: which request of the run is in flight.
    size_t body;      // How long the body is that is coming,
    size_t body_left; // and what of it has not come.
};

// Connects and sends the upgrade request (for HTTP there is none: the user is open at once).
// False: the server does not take the connection.
bool user_open(struct user *user, struct crowd *crowd);

// Appends the message of the run to what [user] sends at the end of this wakeup.
void user_queue(struct user *user, struct crowd *crowd);

// Sends it [count] times at once, whoever's wakeup this is. False: the connection is lost.
bool user_post(struct user *user, struct crowd *crowd, long count);

// Appends a GET of the object numbered [object] to what [user] sends at the end of this wakeup.
void user_request(struct user *user, struct crowd *crowd, long object);

// When the message or request left whose answer is [user]'s next one. Each answer is taken once.
int64_t user_take_sent_ns(struct user *user, const struct crowd *crowd);

// Reads, hands whole answers to the mode, writes what the mode put into the crowd's buffer.
// False: the connection is lost.
bool user_wake(struct user *user, struct crowd *crowd, uint32_t events);

#endif
