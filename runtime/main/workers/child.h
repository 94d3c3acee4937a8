// A child: one worker process as main sees it, and the place its replacement takes.
//
// The place lasts as long as the program, lives come and go in it. Each life has a process, a link
// and a number that is never used again, its source; news that arrive late for an old source find
// nobody.
//
//   ABSENT ──start──► LOADING ──READY──► RESTORING ──BACK──► READY ──drain──► DRAINING
//     ▲                  │                   │                 │└──leave──► LEAVING │
//     └──── empty ───── ENDED ◄───── the process or its link is gone, in any of them
//
// One that is LEAVING hands over all it has (worker/parting.h) to the next life.
//
// A life is over when three things have happened, in any order: the process was reaped, the link is
// closed, and the owner of the supervisor has let go (od_supervisor_vacate: its writes are on
// disk).
//
// A life that cannot begin (no process, no descriptor, no memory for its page) leaves the place
// ABSENT. It is tried again and again, each time after a longer pause.
//
// Owner: the supervisor. Others may send on the link of a child that is READY.

#ifndef OD_MAIN_WORKERS_CHILD_H
#define OD_MAIN_WORKERS_CHILD_H

#include "base/timers.h"
#include "link/link.h"
#include "link/worker_page.h"
#include "main/processes/process.h"
#include "main/workers/watchdog.h"
#include "store/journal_visit.h"

struct od_supervisor;

enum od_child_state {
    OD_CHILD_ABSENT,
    OD_CHILD_LOADING,
    OD_CHILD_RESTORING, // Is given what the life before had.
    OD_CHILD_READY,
    OD_CHILD_DRAINING,
    OD_CHILD_LEAVING,
    OD_CHILD_ENDED, // Told as such; not empty yet.
};

struct od_child {
    struct od_supervisor *supervisor;
    uint32_t index;
    uint32_t source; // Of the current or the last life; 0: there was none.
    enum od_child_state state;
    struct od_process process;
    struct od_worker_page *page; // Of the current life; NULL: none, or its process has ended.
    struct od_watchdog watchdog;
    struct od_link link;
    bool has_link;
    bool is_vacated;
    bool has_load_failed;            // It said why itself.
    bool is_overdue;                 // It did not go on, and is killed.
    bool is_calm;                    // READY, and said so since it was asked.
    bool is_still;                   // LEAVING: nothing runs there any more.
    uint64_t durable, applied;       // Watermarks that it has not been told yet; 0: none.
    struct od_journal_moment moment; // Of the first.
    struct od_timer timer;  // LOADING, LEAVING: until when; ABSENT: when the next life starts.
    od_time_ms started_ms;  // The life, or the last try to begin one.
    od_time_ms ended_ms;    // When the last life was over.
    od_time_ms restart_ms;  // The next back-off.
    uint32_t failed_starts; // In a row: no life could begin,
    char why_not[256];      // for this reason.
    uint32_t given_back;    // Sockets that wait for the next life.
    uint64_t last_number;   // What the next life counts on from.
};

// Panics unless [child] is as its state in the drawing says.
void od_child_check(const struct od_child *child);

#endif
