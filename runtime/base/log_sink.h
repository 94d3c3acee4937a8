// Where log lines go: stderr, without ever waiting for whoever reads it.
//
// Stderr may be a pipe whose reader sleeps, a terminal that was stopped with Ctrl-S, the socket of
// a journal: each of them lets a writer wait for ever. Its file description is not ours alone: a
// shell or the parent has the same one, so O_NONBLOCK set on it would break *their* writes. A pipe
// or a terminal is therefore opened once more by its name in /proc, which gives a description of
// our own, with a mode of its own; to a socket each send says by itself that it does not wait. A
// file takes what comes. Where the name cannot be opened (no /proc, another user's terminal) we ask
// before each write whether it would wait, which is right unless another process fills the pipe in
// between.
//
// The alternative, workers' lines by way of main, would make main read and keep what nobody reads.
//
// Thread: any; writes of one call do not mix with those of others.

#ifndef OD_BASE_LOG_SINK_H
#define OD_BASE_LOG_SINK_H

#include <stdbool.h>

#include "base/slice.h"

// Before the process is confined: it opens a file.
void od_log_sink_open(void);

// Waits no longer than [wait_ms] for the reader. False when nothing of it was written. Asks for no
// memory, so it is also for last words.
bool od_log_sink_write(od_slice text, int wait_ms);

#endif
