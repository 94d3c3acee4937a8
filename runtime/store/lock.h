// The lock on a data directory: one server at a time.
//
// The directory itself is locked with flock. The kernel lets go of the lock when the process ends,
// however it ends. A file in it holds the owner's pid, so that a second server is told whom it
// would disturb; it stays, means nothing by itself, and may be removed. (Older programs lock that
// file instead: one that still runs is noticed.)
//
// Process: main. The lock is inherited by a fork that does not exec; see env.h.

#ifndef OD_STORE_LOCK_H
#define OD_STORE_LOCK_H

#include "base/error.h"

// Returns the descriptor that holds the lock in [fd]; closing it lets go. On false [is_held] says
// whether another process has it.
OD_MUST_CHECK bool od_lock_open(int *fd, const char *directory, bool *is_held,
                                struct od_error *err);
void od_lock_close(int fd);

#endif
