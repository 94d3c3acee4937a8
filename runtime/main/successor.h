// A successor: the program that is to take over, tried before anything changes.
//
// It is started as a process of its own, with the arguments of this one and the record that it
// would get (takeover.h). It says whether it can read it, and whether it can load the script that
// is served. What it says otherwise is for people: why it cannot.
//
// Process: main. Owner: embedded; one at a time.

#ifndef OD_MAIN_SUCCESSOR_H
#define OD_MAIN_SUCCESSOR_H

#include "base/bytes.h"
#include "base/timers.h"
#include "link/loop.h"
#include "link/options.h"

struct od_successor {
    struct od_loop *loop;
    void (*tried)(void *owner, bool ok, od_slice why); // [why] is borrowed.
    void *owner;
    uv_process_t process;
    bool is_running;
    bool is_late;
    int said_fd; // What it writes.
    int64_t exit_code;
    int signal;
    struct od_timer timer;
};

void od_successor_init(struct od_successor *successor, struct od_loop *loop,
                       void (*tried)(void *owner, bool ok, od_slice why), void *owner);
void od_successor_close(struct od_successor *successor); // The loop must run once more.

// Starts [program] with [argv]; [record_fd] stays the caller's. [tried] follows, later.
OD_MUST_CHECK bool od_successor_try(struct od_successor *successor, const char *program,
                                    char **argv, int record_fd, struct od_error *err);

// For the process that is tried: its whole life. Takes [fd]. [check_tls]: whether a process for TLS
// could begin, which this folder does not know.
enum od_exit od_successor_run(const struct od_options *options, int fd,
                              bool (*check_tls)(const struct od_options *options,
                                                struct od_error *err));

#endif
