// The follower: the thread that brings LMDB to where the journal is, one transaction after another.
//
// A transaction copies and syncs pages all over the file, and takes as long as a thousand groups of
// the journal. In a thread of its own it holds up none of them, so it can be large.
//
// It has one task at a time: what has gathered, some of the trash, or to look for readers that
// died. LMDB is written by the follower while it has one, and by the committer's thread (intake.h)
// while it has none. What is durable meanwhile gathers for the next transaction.
//
// Private to the layer. Process: main. Thread: the committer's, where nothing else is said.
// Owner: the committer.

#ifndef OD_STORE_FOLLOWER_H
#define OD_STORE_FOLLOWER_H

#include <pthread.h>

#include "store/applier.h"
#include "store/rehearsal.h"

struct od_follower_task {
    struct od_gathering *gathering; // To be applied, until it is empty; NULL: none.
    bool looks_for_readers;         // A process that died keeps its place among LMDB's readers.
    bool sweeps;                    // Some of the trash.
};

struct od_follower_outcome {
    uint64_t applied;   // The last group that LMDB has.
    uint64_t swept;     // Rows.
    bool makes_trash;   // What was applied.
    bool has_swept;     // A sweep that fails (a full disk) says nothing,
    bool trash_is_left; // otherwise whether there is more.
};

struct od_follower {
    struct od_gathering *gathering; // What is durable is added here.
    uint64_t applied;               // The last group that LMDB has,
    uint64_t swept;                 // rows of deleted objects that are gone,
    bool has_trash;                 // and whether there may be more: as of its last task.

    struct od_env *env; // The rest is the follower's own.
    struct od_reports *reports;
    void (*on_idle)(void *owner);
    void *owner;
    struct od_gathering gatherings[2];
    bool has_given;            // What came of the task is still to be looked at.
    struct od_unapplied given; // What it is about.
    bool sweep_is_due;
    pthread_t thread;

    pthread_mutex_t mutex; // For what follows, up to the next blank line.
    pthread_cond_t changed;
    struct od_follower_task task;
    struct od_follower_outcome outcome;
    bool has_task, is_hurried, is_over;

    struct od_applier applier; // The thread's, but while it has no task.
    unsigned failures;         // In a row,
    unsigned mishaps;          // and those that mean no full disk.
};

// Goes on behind what [applier] has put into LMDB, which is all up to [moment]. [on_idle] is called
// on its own thread whenever a task is over. 0, or errno's code: then there is nothing to close.
OD_MUST_CHECK int od_follower_open(struct od_follower *follower, const struct od_applier *applier,
                                   const struct od_journal_moment *moment,
                                   struct od_reports *reports, void (*on_idle)(void *owner),
                                   void *owner);
// When it is idle. What has gathered stays in the journal.
void od_follower_close(struct od_follower *follower);

bool od_follower_is_idle(struct od_follower *follower);
// Idle, and there is something to do or to look at.
bool od_follower_is_due(struct od_follower *follower);

// What was durable before and is not in LMDB yet.
struct od_unapplied od_follower_unapplied(const struct od_follower *follower);

// While it is idle: looks at what came of the last task, and gives it the next if there is one.
void od_follower_go_on(struct od_follower *follower, bool looks_for_readers, bool may_sweep);

// Until there is not too much that LMDB does not have: the disk takes groups faster than it does.
void od_follower_keep_up(struct od_follower *follower);

// Until it is idle; until LMDB has all, too, or what cannot be applied is left to the next start.
void od_follower_wait(struct od_follower *follower);
void od_follower_finish(struct od_follower *follower);

// Thread: any. What cannot be applied at all is left to the next start.
void od_follower_hurry(struct od_follower *follower);

#endif
