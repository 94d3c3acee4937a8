// The lock on a data directory: one server at a time.
//
// A file in the directory, locked with flock and holding the owner's pid, so that a second server
// is told whom it would disturb. The kernel lets go of the lock when the process ends, however it
// ends; the file stays and means nothing by itself.
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
