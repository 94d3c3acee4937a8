// Recovery: the sockets of a worker that died go to the one in its place.
//
// When a worker has ended, its page says which of its connections are at rest. Those are given back
// once the new worker is ready, oldest first, each with a duplicate of its descriptor; what the
// client has sent meanwhile lies unread in the kernel and is not lost. The others cannot go on: the
// client is told with Close 1012 ("service restart"), or cut when half a frame may be out or a
// Close was sent already, and the object is told with the same code. Bytes that a leaving client
// still sends are read into the void for a while, else the kernel would answer them with a reset
// that can destroy the Close.
//
// Ten thousand sockets are not dealt with at once: main does a portion a turn.
//
// Process: main. Owner: embedded in the server.

#ifndef OD_MAIN_WORKERS_RECOVERY_H
#define OD_MAIN_WORKERS_RECOVERY_H

#include "base/list.h"
#include "codec/masks.h"
#include "link/loop.h"
#include "main/door/connection_limit.h"
#include "main/workers/child.h"
#include "main/workers/keeper.h"
#include "main/workers/quarantine.h"
#include "store/alarm.h"

struct od_recovery_place { // Of one worker.
    struct od_child *child;
    struct od_kept_socket **sockets; // Those to be dealt with; the keeper's. NULL: forgotten since.
    size_t count;
    size_t closed_to;               // Before this, those that cannot go on are closed,
    size_t given_to;                // and before this, all are given back.
    size_t given;                   // How many go on,
    size_t lost;                    // and how many could not.
    bool is_giving;                 // The new worker listens.
    struct od_alarm_place recalled; // Wishes before this are recalled (wishes.h).
};

struct od_recovery {
    struct od_loop *loop;
    struct od_keeper *keeper;
    struct od_reader **reader;                    // Of what is stored; NULL there: it is not open.
    struct od_connection_limit *connection_limit; // Is told of those that main ends.
    struct od_recovery_place *places;
    uint32_t place_count;
    struct od_list leaving; // Connections that were closed.
    struct od_timer leaving_timer;
    struct od_masks masks;
};

void od_recovery_init(struct od_recovery *recovery, struct od_loop *loop, struct od_keeper *keeper,
                      struct od_reader **reader, struct od_connection_limit *connection_limit,
                      uint32_t worker_count);
void od_recovery_deinit(struct od_recovery *recovery);

// [child] has ended, its page can still be read: decides what becomes of its sockets. Without a
// page it was of another program, which has decided it (main/takeover.h).
void od_recovery_begin(struct od_recovery *recovery, struct od_child *child);

// Its replacement listens: refusals and objects go first, then the sockets, then which objects have
// wishes, then RESTORED.
void od_recovery_give(struct od_recovery *recovery, struct od_child *child,
                      struct od_quarantine *quarantine);

// It is back. How many sockets it was given, and how many were closed.
void od_recovery_count(const struct od_recovery *recovery, const struct od_child *child,
                       size_t *given, size_t *closed);

size_t od_recovery_given(const struct od_recovery *recovery); // To all workers.

// The keeper is about to forget [kept]: a worker may say at any time that a socket is gone.
void od_recovery_forget(struct od_recovery *recovery, const struct od_kept_socket *kept);

// A portion; true when more can be done at once.
bool od_recovery_step(struct od_recovery *recovery);

#endif
