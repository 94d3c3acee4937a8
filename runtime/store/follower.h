// The follower: the thread that brings LMDB to where the journal is, one transaction after another.
//
// A transaction copies and syncs pages all over the file, and takes as long as a thousand groups of
// the journal. In a thread of its own it holds up none of them, so it can be large.
//
// It has one task at a time, given by the committer's thread. LMDB is written by the follower while
// it has one, and by the committer's thread (intake.h) while it has none.
//
// Private to the layer. Process: main. Thread: the committer's, where nothing else is said.
// Owner: the committer.

#ifndef OD_STORE_FOLLOWER_H
#define OD_STORE_FOLLOWER_H

#include <pthread.h>

#include "base/error.h"
#include "store/applier.h"
#include "store/rehearsal.h"

struct od_follower_task {
    struct od_gathering *gathering; // To be applied, until it is empty; NULL: none.
    bool looks_for_readers;         // A process that died keeps its place among LMDB's readers.
    bool sweeps;                    // Some of the trash.
};

// What came of the last task.
struct od_follower_outcome {
    uint64_t applied;   // The last group that LMDB has.
    uint64_t swept;     // Rows.
    bool makes_trash;   // What was applied.
    bool has_swept;     // A sweep that fails (a full disk) says nothing,
    bool trash_is_left; // otherwise whether there is more.
};

struct od_follower {
    struct od_env *env;
    struct od_reports *reports;
    void (*on_idle)(void *owner); // On its own thread.
    void *owner;
    pthread_t thread;
    pthread_mutex_t mutex; // For what follows, up to the next blank line.
    pthread_cond_t changed;
    struct od_follower_task task;
    struct od_follower_outcome outcome;
    bool has_task, is_hurried, is_over;

    struct od_applier applier; // The thread's own, but while it has no task.
    unsigned failures;         // In a row.
};

// 0, or errno's code: then there is nothing to close.
OD_MUST_CHECK int od_follower_open(struct od_follower *follower, const struct od_applier *applier,
                                   struct od_reports *reports, void (*on_idle)(void *owner),
                                   void *owner);
void od_follower_close(struct od_follower *follower); // When it is idle.

bool od_follower_is_idle(struct od_follower *follower);

// Only while it is idle. What the task borrows is its own until it is idle again.
void od_follower_give(struct od_follower *follower, const struct od_follower_task *task);

// Until it is idle.
void od_follower_wait(struct od_follower *follower);

// Thread: any. What cannot be applied at all is left to the next start.
void od_follower_hurry(struct od_follower *follower);

#endif
