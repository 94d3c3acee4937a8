// The committer: the one writer of the disk. It turns the submissions of all workers into commits.
//
// A write waits for the disk, and the main process must not. So a thread of its own takes all that
// waits as one group, writes it to the journal (which returns when the disk has it), and reports.
// While one group is on its way to the disk the next gathers, so a slow disk makes larger groups
// and not a longer queue. What the journal has goes into LMDB in a second thread (follower.h), many
// groups at once, and no group waits for it, unless LMDB is behind by too much.
//
// There are two watermarks. *Durable up to N*: the writes survive a power cut, effects may leave;
// that is the journal's. *Applied up to N*: a read transaction begun from now on sees them, so a
// worker may forget what it laid over LMDB.
//
// When a group cannot be written, nothing of it is stored, and [failed] tells each source its
// first submission that was lost. All that comes from that source with the same generation, waiting
// already or still on its way, is thrown away without a further word, because it may rest on what
// was lost. A worker that has reset its objects submits with a higher generation and is heard
// again. A submission that is malformed fails its source alone. What was committed before stays,
// and later groups are tried anew.
//
// With an engine (engine.h) groups are durable when that has them: it takes the journal's place,
// and only what belongs to slots that were taken is written.
//
// Objects that called deleteAll leave their rows to the trash, which is swept while nothing waits.
//
// Process: main. Thread: all functions and events on the loop's; two threads inside, which never
// log. Owner: main; memory goes a turn of the loop after od_committer_close.

#ifndef OD_STORE_COMMITTER_H
#define OD_STORE_COMMITTER_H

#include "base/error.h"
#include "base/slice.h"
#include "store/batch.h"
#include "store/committer_events.h"
#include "store/engine.h"
#include "store/files.h"
#include "store/journal_visit.h"

struct od_committer;
struct uv_loop_s; // uv_loop_t

struct od_committer_stats {
    uint64_t groups;        // Committed.
    uint64_t submissions;   // Committed.
    uint64_t failed_groups; // Undone.
    uint64_t discarded;     // Submissions that failed or came after one that had.
    uint64_t swept;         // Rows of deleted objects.
    uint64_t waiting_bytes; // Taken, not yet reported.
    bool has_trash;         // There may be more to sweep.
};

enum od_committer_opening {
    OD_COMMITTER_OPEN,
    OD_COMMITTER_IN_USE, // Another process has the directory; the text names its pid.
    OD_COMMITTER_FAILED,
};

// Opens the data directory as its only server: makes it when it is missing, refuses when another
// process has it, when it was written in a newer format or is damaged. Puts into LMDB what only the
// journal has. [lock_fd] holds the lock on it already (lock.h), from the program before; below 0:
// it is taken. [engine] NULL: the journal.
OD_MUST_CHECK enum od_committer_opening od_committer_open(struct od_committer **committer,
                                                          struct uv_loop_s *loop,
                                                          const char *directory, int lock_fd,
                                                          struct od_engine *engine,
                                                          const struct od_committer_events *events,
                                                          void *owner, struct od_error *err);

// What it opened, for workers to compare (files.h).
void od_committer_files(const struct od_committer *committer, struct od_store_files *files);

// A descriptor that goes on to hold the lock when this is closed.
int od_committer_duplicate_lock(const struct od_committer *committer);

// Waits until all that was submitted is committed or failed, reports it, and ends the threads. The
// loop must run once more. NULL is allowed.
void od_committer_close(struct od_committer *committer);

// Copies the [batches] (batch.h) and returns. [seq] grows within a source; [generation] too.
void od_committer_submit(struct od_committer *committer, uint32_t source, uint32_t generation,
                         od_seq seq, od_slice batches);

// The worker behind [source] is gone. What it submitted is still committed; then [forgotten] is
// called, and nothing of that source comes after it. Its objects may be read elsewhere only from
// then on. Also frees what the dead process held in LMDB's table of readers. Of a source that never
// was this tells that the disk takes what is written.
void od_committer_forget(struct od_committer *committer, uint32_t source);

// The last group of the journal whose submissions were told to be durable.
struct od_journal_moment od_committer_moment(struct od_committer *committer);

// What od_journal_keep and od_journal_close_segment do (journal.h), when the thread comes to it.
void od_committer_keep(struct od_committer *committer, uint64_t sequence);
void od_committer_close_segment(struct od_committer *committer);

// With an engine: slots come, without what they store, or go; what objects store is to be read from
// LMDB, or all of slots that have come.
enum od_order {
    OD_ORDER_TAKE, // (struct od_engine_slot)*; [placed] follows for each.
    OD_ORDER_GIVE, // The same, of which only the numbers count.
    OD_ORDER_LOAD, // (32 bytes id)*; [loaded] follows for each, unless it has gone.
    OD_ORDER_FILL, // (od_slot)*: the next portion of them; [filled] follows for each that is whole,
                   // and for the first that is not.
    OD_ORDER_FILL_ALARMS, // The same of what rings and recalls alone.
};

// Behind what was submitted before, and before what comes; what is submitted for a slot between
// GIVE and TAKE fails.
void od_committer_order(struct od_committer *committer, enum od_order order, od_slice what);

// After [lost]: whether that is because another node writes now.
bool od_committer_is_fenced(const struct od_committer *committer);

void od_committer_stats(struct od_committer *committer, struct od_committer_stats *stats);

#endif
