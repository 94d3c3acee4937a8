// What the users of a run do: one struct of functions a mode.
#ifndef BENCH_MODE_H
#define BENCH_MODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crowd;
struct user;

struct mode {
    const char *name;
    bool upgrades; // WebSocket; otherwise plain HTTP.
    bool clocked;  // Measuring begins when the warm-up time is over; otherwise the mode says when.
    bool numbered; // No two messages of the run are equal.
    bool listens;  // All but the first user read an event stream.
    bool comes_back; // Users open a connection for each thing they ask for.

    // All users are open: the first messages leave.
    void (*begin)(struct crowd *crowd);

    // A connection is open later than at the beginning. Appends to [crowd->out]. NULL: there is
    // none.
    void (*opened)(struct crowd *crowd, struct user *user);

    // A whole message or response body came. Appends to [crowd->out] what [user] sends next.
    // False: it is not what was expected.
    bool (*answer)(struct crowd *crowd, struct user *user, const uint8_t *data, size_t length);
};

extern const struct mode mode_echo;      // What was sent comes back.
extern const struct mode mode_put;       // Something comes back, once what was sent is stored.
extern const struct mode mode_broadcast; // The first user sends, all receive.
extern const struct mode mode_listeners; // The same, but the others read an event stream.
extern const struct mode mode_http;      // Each request touches another object.
extern const struct mode mode_file;      // The same is asked for again and again.
extern const struct mode mode_connect;   // A WebSocket for each message.
extern const struct mode mode_visit;     // A connection for each request.
extern const struct mode mode_idle;      // Nothing, until stdin closes.

// NULL: there is none of that name.
const struct mode *mode_find(const char *name);

#endif
