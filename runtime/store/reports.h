// What the committer's threads have to tell the loop's: written there, read here, in order.
//
// Thread: what is reported, on any of theirs, a group at a time; all else on the loop's.

#ifndef OD_STORE_REPORTS_H
#define OD_STORE_REPORTS_H

#include <pthread.h>
#include <uv.h>

#include "base/check.h"
#include "store/committer_events.h"
#include "store/journal_visit.h"

struct od_report;

struct od_reports {
    pthread_mutex_t mutex;
    struct od_report *list; // In order.
    size_t size, capacity;
    struct od_journal_moment moment; // Of the last group that is durable.
    size_t group_begin;              // Reports of the group that is being reported begin here.
    bool is_woken;                   // The loop has not looked since.
    int wake_fd; // An eventfd. A uv_async_t would do, but where both threads share a core, the loop
                 // spins while the one that woke it cannot go on.
    uv_poll_t wake;
};

// False with errno.
OD_MUST_CHECK bool od_reports_init(struct od_reports *reports, uv_loop_t *loop, uv_poll_cb on_wake,
                                   void *owner);
void od_reports_deinit(struct od_reports *reports); // After uv_close of [wake].

struct od_journal_moment od_reports_moment(struct od_reports *reports);

void od_reports_begin_group(struct od_reports *reports);
void od_reports_at(struct od_reports *reports, const struct od_journal_moment *moment);
void od_reports_durable(struct od_reports *reports, uint32_t source, od_seq seq);
void od_reports_applied(struct od_reports *reports, uint32_t source, od_seq seq);
void od_reports_failed(struct od_reports *reports, uint32_t source, uint32_t generation,
                       od_seq first_seq, const char *why);
void od_reports_forgotten(struct od_reports *reports, uint32_t source);
void od_reports_placed(struct od_reports *reports, od_slot slot, bool is_here);
void od_reports_loaded(struct od_reports *reports, const uint8_t id[OD_ID_BYTES]);
void od_reports_filled(struct od_reports *reports, od_slot slot, bool only_alarms, bool is_whole);
void od_reports_alarm(struct od_reports *reports, od_time_ms due_ms);
void od_reports_stalled(struct od_reports *reports, const char *why);
void od_reports_lost(struct od_reports *reports, const char *why, const char *advice);
void od_reports_end_group(struct od_reports *reports); // Wakes the loop.

// Calls the events for all that is there.
void od_reports_deliver(struct od_reports *reports, const struct od_committer_events *events,
                        void *owner);

#endif
