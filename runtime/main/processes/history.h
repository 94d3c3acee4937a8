// What is kept of the journal, as main sees it: the process that looks after it (historian.h) is
// kept alive, and the committer is told which segments must stay and when one is over.
//
// Without --history and --archive-command there is no such process, and nothing is kept.
//
// Process: main. Owner: embedded; od_history_close, then the loop must run once more.

#ifndef OD_MAIN_PROCESSES_HISTORY_H
#define OD_MAIN_PROCESSES_HISTORY_H

#include "base/timers.h"
#include "link/link.h"
#include "link/loop.h"
#include "main/processes/process.h"
#include "store/committer.h"

struct od_history_facts {
    uint64_t kept_behind; // od_committer_keep
    od_time_ms oldest_ms; // The first moment that can be restored; 0: there is none yet.
    uint32_t bases, segments;
    uint64_t bytes;        // Of the disk, for both.
    uint32_t waiting;      // Files that are not archived yet; and since when the oldest
    od_time_ms waiting_ms; // of them could be.
    uint32_t failures;     // Of the archive command, in a row.
};

struct od_history {
    struct od_loop *loop;
    const struct od_options *options;
    struct od_committer *committer; // NULL: it rests.
    struct od_history_facts facts;
    struct od_process process;
    struct od_link link;
    bool has_link;
    bool is_closing;
    bool is_finishing;
    struct od_timer restart_timer, segment_timer;
    uv_signal_t child_signal;
};

void od_history_init(struct od_history *history, struct od_loop *loop,
                     const struct od_options *options);
bool od_history_is_kept(const struct od_options *options);

// The committer has been opened, and is told at once to keep everything.
void od_history_start(struct od_history *history, struct od_committer *committer);
void od_history_rest(struct od_history *history); // It is about to be closed.
void od_history_close(struct od_history *history);

// The program ends, and nobody writes any more; before the committer is closed. From then on
// od_history_close waits for a while, until what was written last is archived.
void od_history_finish(struct od_history *history);

od_time_ms od_history_archive_lag_ms(const struct od_history *history);

#endif
