// All the users of a run, the loop they live in, and what was measured.
//
// A run goes through its phases in order and never back: OPENING until every user is connected,
// WARMING so that compilers and caches on the other side have settled, MEASURING, DONE. Each phase
// has a deadline, so a run ends whatever the server does.
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "histogram.h"
#include "mode.h"
#include "options.h"
#include "user.h"

enum phase {
    PHASE_OPENING,
    PHASE_WARMING,
    PHASE_MEASURING,
    PHASE_DONE
};

struct crowd {
    const struct options *options;
    const struct mode *mode;
    int epoll;
    struct user *users;
    long opened; // Users that were started, and
    long ready;  // those whose handshake is done.
    struct bytes in;
    struct bytes out;     // What the user being served sends: the mode appends.
    struct bytes posted;  // What another user sends meanwhile.
    struct bytes text;    // The one message of the run, and the same
    struct bytes message; // as it leaves, framed and masked.
    enum phase phase;
    int64_t now_ns; // Read once a wakeup of a user.
    int64_t phase_ends_ns;
    int64_t measure_began_ns;
    int64_t measure_ended_ns;
    double load_cpu_seconds; // What this program itself used while measuring.
    uint64_t total;          // Answers since the first one,
    uint64_t measured;       // and those while measuring.
    uint64_t errors;
    struct histogram latency;
};

// Runs it from the first connection to the last answer. False: something failed, stderr says what.
bool crowd_run(struct crowd *crowd, const struct options *options, const struct mode *mode);

// The processor time that this program used so far.
double crowd_cpu_seconds(void);

// Sets [crowd->now_ns].
void crowd_read_clock(struct crowd *crowd);

// For modes: an answer came that was sent for at [sent_ns].
void crowd_count(struct crowd *crowd, int64_t sent_ns);

// For users: the handshake is done, or something went wrong, which ends the run.
void crowd_user_ready(struct crowd *crowd, struct user *user);
void crowd_fail(struct crowd *crowd, const struct user *user, const char *why);

// For modes that know better than the clock: measuring begins, or the run is over.
void crowd_measure(struct crowd *crowd);
void crowd_finish(struct crowd *crowd);

#endif
