// A process: one child of main, from its start until it is reaped.
//
// All that can be done to a child goes through here, and its number with the system is nobody
// else's business: a start that fails leaves none behind, so nobody can ask, wait for or kill a
// process that is not ours. To kill or reap one that is not there does nothing.
//
// Who owns it reads its link to the end before he reaps it, so that its last words are heard: that
// is why an end is asked for (at SIGCHLD, and when the link is closed) and not told.
//
// Process: main. Owner: embedded; zeroed is one that is not there.

#ifndef OD_MAIN_PROCESSES_PROCESS_H
#define OD_MAIN_PROCESSES_PROCESS_H

#include <sys/types.h>

#include "base/error.h"
#include "link/options.h"

// In place of the number of a worker: a process that only tries the script (dry_run.h).
#define OD_CHILD_DRY_RUN 1000000
#define OD_CHILD_ADMIN 1000001     // The admin process (main/operator/admin_listener.h).
#define OD_CHILD_TLS 1000002       // The process in which TLS ends (tls_process.h).
#define OD_CHILD_HISTORIAN 1000003 // Who looks after the history (history.h).
#define OD_CHILD_NODE 1000004      // Who speaks with other nodes (main/nodes/node_process.h).
#define OD_CHILD_ACME 1000100      // And above: the one that has a name certified (acme.h).

struct od_child_args { // What a process is given.
    uint32_t index;    // Of the worker, OD_CHILD_DRY_RUN or OD_CHILD_ADMIN.
    int link_fd;
    int page_fd; // Below 0: it has no page.
};

struct od_process { // For process.c only.
    pid_t pid;      // 0: not there.
    pid_t last_pid;
};

// Starts the program again in [args], whose descriptors stay the caller's. The process dies with
// this one, ignores the signals that are meant for main, and reads nothing from the terminal.
OD_MUST_CHECK bool od_process_spawn(struct od_process *process, const struct od_options *options,
                                    const struct od_child_args *args, struct od_error *err);

void od_process_kill(const struct od_process *process); // SIGKILL; it is there until it is reaped.

// One that the program before has started (main/takeover.h).
void od_process_adopt(struct od_process *process, int number);

// True when it has ended, with waitpid's [status]; it is not there any more.
OD_MUST_CHECK bool od_process_reap(struct od_process *process, int *status);

void od_process_end(struct od_process *process); // Kills it and waits for its end.

// Waits [ms] for an end that it has been asked for in some other way; then kills it.
void od_process_await_end(struct od_process *process, int ms);

bool od_process_is_there(const struct od_process *process);
int od_process_number(const struct od_process *process);      // For people; 0: not there.
int od_process_last_number(const struct od_process *process); // The same, also when it has ended.

// How a process ended, from waitpid's status: "exit code 1", "killed by SIGSEGV".
void od_process_describe_end(int status, char *text, size_t size);

// For a process that is a worker or a dry run: its arguments. False in main.
bool od_seat_is_mine(struct od_child_args *args);

#endif
