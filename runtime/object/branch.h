// Branches of a task: functions of one handler that run side by side (od.all, od.race).
//
// A task waits for one thing at a time. What wants to wait for several has a task for each of them:
// a branch, which begins and goes on by RESUME events like any task that has waited, so sections,
// limits and gates hold for it without a word more. The task it belongs to, its trunk, waits
// meanwhile, and is resumed when the last branch has ended or one has decided.
//
// Those that have not ended by then are given up, like the branches of a trunk that is given up
// itself: what they wait for is cancelled. Only one that is in a section goes on, as what that
// protects is not to be left half done; it belongs to nobody then. Sockets that a branch has
// accepted are the trunk's when it has ended, so the trunk's answer can take them.
//
// A task in a section has no branches: nothing of its object may run but itself.
//
// Owner: the trunk, for its branches.

#ifndef OD_OBJECT_BRANCH_H
#define OD_OBJECT_BRANCH_H

#include "object/task.h"

// The running [trunk] gets one more, which begins when the trunk waits. The engine gives it what it
// runs before that.
struct od_task *od_branch_new(struct od_task *trunk);

// The running task, a branch, decides: its trunk waits for no other when it has ended.
void od_branch_decide(struct od_task *branch);

void od_branch_end(struct od_task *branch); // It has ended, and is about to be freed.

void od_branches_give_up(struct od_task *trunk); // Those that have not ended.

// The task an event has begun, whose branch of a branch [task] may be; itself when it is none.
struct od_task *od_branch_root(struct od_task *task);

// Whether [task] is [other] or has to end before that can go on: a branch, unless it is in a race.
bool od_branch_is_part(const struct od_task *task, const struct od_task *other);

#endif
