// A child: one worker process as main sees it, and the place its replacement takes.
//
// The place lasts as long as the program, lives come and go in it. Each life has a process, a link
// and a number that is never used again, its source; news that arrive late for an old source find
// nobody.
//
//   ABSENT ──start──► LOADING ──READY──► RESTORING ──BACK──► READY ──drain──► DRAINING
//     ▲                  │                   │                 │                 │
//     └──── empty ───── ENDED ◄───── the process or its link is gone, in any of them
//
// A life is over when three things have happened, in any order: the process was reaped, the link is
// closed, and the owner of the supervisor has let go (od_supervisor_vacate: its writes are on
// disk).
//
// Owner: the supervisor. Others may send on the link of a child that is READY.

#ifndef OD_MAIN_CHILD_H
#define OD_MAIN_CHILD_H

#include <sys/types.h>

#include "base/timers.h"
#include "link/link.h"
#include "link/options.h"
#include "link/page.h"
#include "main/watchdog.h"

struct od_supervisor;

// In place of the number of a worker: a process that only tries the script (main/trial.h).
#define OD_CHILD_TRIAL 1000000

enum od_child_state {
    OD_CHILD_ABSENT,
    OD_CHILD_LOADING,
    OD_CHILD_RESTORING, // Is given what the life before had.
    OD_CHILD_READY,
    OD_CHILD_DRAINING,
    OD_CHILD_ENDED, // Told as such; not empty yet.
};

struct od_child {
    struct od_supervisor *supervisor;
    uint32_t index;
    uint32_t source; // Of the current or the last life; 0: there was none.
    enum od_child_state state;
    pid_t pid;            // 0: none, or reaped.
    pid_t last_pid;       // Of the current or the last life.
    struct od_page *page; // Of the current life.
    struct od_watchdog watchdog;
    struct od_link link;
    bool has_link;
    bool is_vacated;
    bool has_load_failed;      // It said why itself.
    bool is_overdue;           // An event of it passed its limit; it is killed.
    uint64_t durable, applied; // Watermarks that it has not been told yet; 0: none.
    struct od_timer timer;     // LOADING: until when; ABSENT: when the next life starts.
    od_time_ms started_ms;
    od_time_ms ended_ms;   // When the last life was over.
    od_time_ms restart_ms; // The next back-off.
    uint32_t given_back;   // Sockets that wait for the next life.
    uint64_t last_number;  // What the next life counts on from.
};

struct od_child_seat { // What a worker's process is given.
    uint32_t index;    // Or OD_CHILD_TRIAL.
    int link_fd;
    int page_fd; // Below 0: it has no page.
};

// Starts the program again as the worker of [seat], whose descriptors stay the caller's. The
// process dies with this one, ignores the signals that are meant for main, and reads nothing from
// the terminal.
OD_MUST_CHECK bool od_child_spawn(const struct od_options *options,
                                  const struct od_child_seat *seat, pid_t *pid,
                                  struct od_error *err);

// How a process ended, from waitpid's status: "exit code 1", "killed by SIGSEGV".
void od_child_describe_end(int status, char *text, size_t size);

// For a process that is a worker or a trial: its seat. False in main.
bool od_child_is_me(struct od_child_seat *seat);

#endif
