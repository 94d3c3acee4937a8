// The supervisor: keeps the workers alive.
//
// It starts each as a process of its own (worker_process.h), and learns from the system when one
// ends. It watches how each of them goes on (watchdog.h) and kills a worker whose event passes
// --event-limit-ms, or that stands still. Whatever ended it, another is started. What workers say
// beyond READY, LOAD_FAILED and DRAINED goes to its owner.
//
// Process: main. Owner: embedded; after od_supervisor_drain or _kill, wait for [stopped], then
// deinit.

#ifndef OD_MAIN_WORKERS_SUPERVISOR_H
#define OD_MAIN_WORKERS_SUPERVISOR_H

#include "link/loop.h"
#include "main/workers/child.h"

struct od_ending {
    char why[64];    // "exit code 1", "killed by SIGSEGV".
    bool is_foreign; // Killed by somebody else: an operator, or the system for want of memory.
    bool is_planned; // It was asked to leave, and has handed over all it had.
    bool was_running;
    struct od_worker_page_event event; // What ran then, if anything.
};

struct od_supervisor_events {
    // A life has begun; what is put on its link now is the first it hears.
    void (*born)(void *owner, struct od_child *child);
    // The script is loaded. It takes work after od_supervisor_admit.
    void (*ready)(void *owner, struct od_child *child);
    // It cannot be loaded. The worker ends; unless it is stopped, the supervisor tries again.
    void (*load_failed)(void *owner, struct od_child *child, od_slice why);
    // Any other message; [fd] belongs to the callee. False: it makes no sense, and the worker is
    // killed.
    bool (*message)(void *owner, struct od_child *child, enum od_kind kind, od_slice body, int fd);
    // Nothing comes from this life any more. Its place stays empty until od_supervisor_vacate.
    // [how] it ended; its page can still be read.
    void (*ended)(void *owner, struct od_child *child, const struct od_ending *how);
    // All workers are gone, and none will be started.
    void (*stopped)(void *owner);
    // After od_supervisor_await_calm: it can leave, and nobody will wait for it for long.
    void (*calm)(void *owner, struct od_child *child);
    // After od_supervisor_leave: all have handed over what they had, or have died.
    void (*left)(void *owner);
};

struct od_supervisor {
    struct od_loop *loop;
    const struct od_options *options;
    const struct od_supervisor_events *events;
    void *owner;
    struct od_child *children;
    uint32_t child_count;
    uint32_t last_source;
    uint32_t next_any; // Whose turn it is for work that any worker can do.
    uv_signal_t child_signal;
    struct od_timer watch_timer;
    struct od_timer drain_timer;
    uint64_t files[4]; // For the pages of workers (link/worker_page.h).
    bool is_leaving;   // All are; none is started.
    bool is_stopping;
    bool has_stopped;
};

void od_supervisor_init(struct od_supervisor *supervisor, struct od_loop *loop,
                        const struct od_options *options, uint32_t child_count,
                        const struct od_supervisor_events *events, void *owner);
void od_supervisor_deinit(struct od_supervisor *supervisor); // The loop must run once more.

// Starts all. On false some may run: od_supervisor_kill.
OD_MUST_CHECK bool od_supervisor_start(struct od_supervisor *supervisor, struct od_error *err);

// The worker at [index], or NULL when it cannot take anything new at the moment.
struct od_child *od_supervisor_ready(struct od_supervisor *supervisor, uint32_t index);
struct od_child *od_supervisor_ready_any(struct od_supervisor *supervisor); // In turn; or NULL.
uint32_t od_supervisor_ready_count(const struct od_supervisor *supervisor);

// The child whose current life has that number, or NULL.
struct od_child *od_supervisor_by_source(struct od_supervisor *supervisor, uint32_t source);

// After [ready]: it has back what the life before had.
void od_supervisor_admit(struct od_child *child);

// After [ended]: the place may be taken again.
void od_supervisor_vacate(struct od_supervisor *supervisor, uint32_t source);

// The end of a turn: watermarks and all that was put on links leaves. Watermarks of one turn are
// merged, so a worker hears of the newest only.
void od_supervisor_flush(struct od_supervisor *supervisor);

// Tells a child at once what it has to know before something else is put on its link.
void od_supervisor_put_watermarks(struct od_child *child);

// Asks all to finish, within OD_DRAIN_MS_MAX; then kills. [stopped] follows.
void od_supervisor_drain(struct od_supervisor *supervisor);
void od_supervisor_kill(struct od_supervisor *supervisor); // At once. [stopped] follows.

// Asks one that is READY to say when nothing takes long there, or after OD_CALM_MS_MAX: [calm]
// follows, unless it ends before.
void od_supervisor_await_calm(struct od_child *child);

// Asks one that is READY to hand over what it has, within OD_LEAVE_MS_MAX, and to end; then the
// next one is started. Or all of them, and none is started: [left] follows, and then this process
// ends, or they are started after all.
void od_supervisor_leave_one(struct od_child *child);
void od_supervisor_leave(struct od_supervisor *supervisor);
void od_supervisor_return(struct od_supervisor *supervisor);

// For lives: a place is empty, and nobody will take it.
void od_supervisor_stop_when_empty(struct od_supervisor *supervisor);

// STILL: one that leaves may part when all that leave are.
void od_supervisor_still(struct od_child *child);

#endif
